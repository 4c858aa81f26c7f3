#include "admin/data_json.h"

#include <deimos/fake/data_json.h>
#include <deimos/internal/percent_coding.h>
#include <deimos/internal/utf8.h>

#include "admin/json_fields.h"

namespace deimos::fake {
namespace {

/// An entry as JSON has it.
struct EntryFields {
  std::optional<std::string> key = {};
  std::optional<std::string> encoded_key = {};
  std::optional<std::string> value = {};
  std::optional<std::string> encoded_value = {};
  std::optional<bool> directory = {};
  std::optional<std::chrono::nanoseconds> ttl = {};
  std::optional<std::uint64_t> created_index = {};
  std::optional<std::uint64_t> modified_index = {};
};

struct DataFields {
  std::optional<std::uint64_t> index = {};
  std::vector<EntryFields> entries = {};
};

}  // namespace

template <>
inline constexpr const char* object_name<EntryFields> = "entry";
template <>
inline constexpr const char* object_name<DataFields> = "data";

template <>
constexpr auto fields_of<EntryFields>() {
  return std::tuple(JsonField{"key", &EntryFields::key}, JsonField{"encoded_key", &EntryFields::encoded_key},
                    JsonField{"value", &EntryFields::value}, JsonField{"encoded_value", &EntryFields::encoded_value},
                    JsonField{"directory", &EntryFields::directory}, JsonField{"ttl", &EntryFields::ttl},
                    JsonField{"created_index", &EntryFields::created_index},
                    JsonField{"modified_index", &EntryFields::modified_index});
}
template <>
constexpr auto fields_of<DataFields>() {
  return std::tuple(JsonField{"index", &DataFields::index}, JsonField{"entries", &DataFields::entries});
}

namespace {

using json_fields::read_whole;
using json_fields::refuse;
using json_fields::write;

/// What stands for itself in an encoded text.
constexpr std::string_view kept = "/-_.~!*'()$&+,:;=@ ";

void put(const std::string& text, std::optional<std::string>& plain, std::optional<std::string>& encoded) {
  if (internal::is_utf8(text)) {
    plain = text;
  } else {
    internal::append_percent_encoded(encoded.emplace(), text, kept);
  }
}

/// The one of the two that is given; `name` is that of the plain one. Empty if neither is.
std::string text_in(const std::optional<std::string>& plain, const std::optional<std::string>& encoded,
                    const std::string& name, const std::string& where) {
  if (plain && encoded) refuse(where, "both '" + name + "' and 'encoded_" + name + "'");
  if (plain) return *plain;
  if (!encoded) return {};
  if (const auto bad = internal::find_bad_escape(*encoded)) {
    refuse(where + ".encoded_" + name, "'" + std::string(*bad) + "' is not percent-encoded");
  }
  return internal::percent_decode(*encoded, false);
}

EntryFields fields(const DataEntry& entry) {
  EntryFields written;
  put(entry.key, written.key, written.encoded_key);
  if (entry.directory) {
    written.directory = true;
  } else {
    put(entry.value, written.value, written.encoded_value);
  }
  written.ttl = entry.ttl;
  if (entry.created_index != 0) written.created_index = entry.created_index;
  if (entry.modified_index != 0) written.modified_index = entry.modified_index;
  return written;
}

DataEntry entry_of(const EntryFields& read, const std::string& where) {
  if (!read.key && !read.encoded_key) refuse(where, "an entry without a key");
  DataEntry entry;
  entry.key = text_in(read.key, read.encoded_key, "key", where);
  entry.directory = read.directory.value_or(false);
  const bool has_value = read.value || read.encoded_value;
  if (entry.directory && has_value) refuse(where, "a directory has no value");
  if (!entry.directory && !has_value) refuse(where, "an entry without a value that is no directory");
  entry.value = text_in(read.value, read.encoded_value, "value", where);
  entry.ttl = read.ttl;
  entry.created_index = read.created_index.value_or(0);
  entry.modified_index = read.modified_index.value_or(0);
  return entry;
}

}  // namespace

Data data_of(const Json& json) {
  if (json.is_object() && !json.contains("entries")) refuse("", "expected data, as {\"entries\": [{\"key\": …}]}");
  const auto read = read_whole<DataFields>(json);
  Data data;
  data.index = read.index.value_or(0);
  for (const EntryFields& entry : read.entries) {
    const std::string where = "entries[" + std::to_string(data.entries.size()) + "]";
    data.entries.push_back(entry_of(entry, where));
  }
  return data;
}

std::string to_json(const Data& data) {
  std::string text = "{";
  if (data.index != 0) text += "\"index\": " + std::to_string(data.index) + ", ";
  text += "\"entries\": [";
  for (const DataEntry& entry : data.entries) {
    text += (&entry == data.entries.data() ? "\n  " : ",\n  ") + text_of(write(fields(entry)));
  }
  return text + (data.entries.empty() ? "]}" : "\n]}");
}

Data data_from_json(std::string_view text) { return data_of(parse_json(text)); }

}  // namespace deimos::fake
