#include <deimos/fake/data.h>

#include <map>
#include <stdexcept>
#include <string_view>

#include "store/key_check.h"

namespace deimos::fake {
namespace {

class Check {
 public:
  explicit Check(const Data& data) : data_(data) {}

  void check(std::size_t key_limit) {
    for (const DataEntry& entry : data_.entries) {
      try {
        check_key(entry.key);
        if (entry.key.size() > key_limit) refuse("the key has more than " + std::to_string(key_limit) + " bytes");
        check_place(entry);
        check_content(entry);
        check_indexes(entry);
      } catch (const std::invalid_argument& error) {
        const auto number = &entry - data_.entries.data();
        throw std::invalid_argument("entry " + std::to_string(number) + " ('" + entry.key.substr(0, 200) +
                                    "'): " + error.what());
      }
    }
  }

 private:
  enum class Place { file, directory, directory_not_said };

  [[noreturn]] static void refuse(const std::string& why) { throw std::invalid_argument(why); }

  void check_place(const DataEntry& entry) {
    const std::string_view key = entry.key;
    if (key == "/_deimos" || key.starts_with("/_deimos/")) refuse("what is below /_deimos is the cluster's own");
    for (std::size_t slash = key.find('/', 1); slash != std::string_view::npos; slash = key.find('/', slash + 1)) {
      const auto above = places_.try_emplace(key.substr(0, slash), Place::directory_not_said).first;
      if (above->second == Place::file) refuse("'" + std::string(above->first) + "' above it is a file");
    }
    const auto [place, added] = places_.try_emplace(key, entry.directory ? Place::directory : Place::file);
    if (added) return;
    refuse(place->second == Place::directory_not_said ? "the directory comes after what is in it"
                                                      : "it is there twice");
  }

  static void check_content(const DataEntry& entry) {
    if (entry.directory && !entry.value.empty()) refuse("a directory has no value");
  }

  void check_indexes(const DataEntry& entry) const {
    const bool has_both = entry.created_index != 0 && entry.modified_index != 0;
    const bool has_none = entry.created_index == 0 && entry.modified_index == 0;
    if (data_.index == 0 && !has_none) refuse("it has an index, but the whole has none");
    if (data_.index == 0) return;
    if (!has_both) refuse("the whole has an index, so it must have a created_index and a modified_index");
    if (entry.created_index > entry.modified_index) refuse("its created_index is greater than its modified_index");
    if (entry.modified_index > data_.index) refuse("its modified_index is greater than the index of the whole");
  }

  const Data& data_;
  std::map<std::string_view, Place> places_;
};

}  // namespace

void validate(const Data& data, std::size_t key_limit) { Check(data).check(key_limit); }

}  // namespace deimos::fake
