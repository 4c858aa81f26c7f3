#include "admin/admin_call.h"

#include <charconv>

namespace deimos::fake {

Json AdminCall::object() const {
  Json json = parse_json(request.body);
  if (!json.is_object()) throw std::invalid_argument("expected a JSON object");
  return json;
}

std::uint64_t AdminCall::number() const {
  const std::string_view digits = id.value_or("");
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error == std::errc() && end == digits.data() + digits.size()) return number;
  throw Refused(404, "'" + std::string(digits) + "' is no id");
}

std::optional<Json> take(Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return std::nullopt;
  std::optional<Json> value = std::move(*found);
  object.erase(found);
  return value;
}

void check_all_taken(const Json& object, std::string_view known) {
  if (object.empty()) return;
  throw std::invalid_argument("unknown field '" + object.begin().key() + "': there can be " + std::string(known));
}

}  // namespace deimos::fake
