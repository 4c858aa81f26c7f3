#include "wire/percent_encoding.h"

#include <deimos/internal/percent_coding.h>

namespace deimos {
namespace {

constexpr std::size_t longest_key = 4096;

}  // namespace

Result<std::string> normalize_key(std::string_view key) {
  const auto refused = [](std::string why) { return fail(errc::invalid_key, std::move(why)); };
  if (key.empty()) return refused("the key is empty; the root is `/`");
  if (key.size() > longest_key) return refused("the key is longer than 4096 bytes");
  if (key.find('\0') != std::string_view::npos) return refused("the key contains a NUL byte");
  std::string normal = "/";
  if (key == normal) return normal;
  if (key.front() == '/') key.remove_prefix(1);
  if (key.back() == '/') key.remove_suffix(1);
  normal += key;
  for (std::size_t begin = 1; begin <= normal.size();) {
    const std::size_t end = std::min(normal.find('/', begin), normal.size());
    const std::string_view part(normal.data() + begin, end - begin);
    if (part.empty()) return refused("the key `" + normal + "` contains `//`");
    if (part == "." || part == "..") {
      return refused("the key `" + normal + "` contains the part `" + std::string(part) + "`");
    }
    begin = end + 1;
  }
  return normal;
}

void append_encoded(std::string& out, std::string_view text) { internal::append_percent_encoded(out, text, "-._~"); }

void append_encoded_path(std::string& out, std::string_view path) {
  internal::append_percent_encoded(out, path, "-._~/");
}

void append_parameter(std::string& form, std::string_view name, std::string_view value) {
  if (!form.empty() && form.back() != '?') form += '&';
  append_encoded(form, name);
  form += '=';
  append_encoded(form, value);
}

}  // namespace deimos
