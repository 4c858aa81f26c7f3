#include "protocol/gateway_fields.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "protocol/base64.h"

namespace deimos::fake {
namespace {

using Json = nlohmann::json;

/// More than a transaction of as many steps as are allowed can be nested.
constexpr int deepest_json = 1000;

constexpr std::string_view json_space = " \t\r\n";

/// Where the value ends that `text` begins with; npos if it does not end.
tl::expected<std::size_t, std::string> end_of_value(std::string_view text) {
  if (text[0] != '{' && text[0] != '[' && text[0] != '"') {
    return std::min(text.find_first_of(" \t\r\n{[\"", 1), text.size());
  }
  int depth = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c == '\\') ++at;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest_json) return tl::unexpected(std::string("exceeded max depth"));
    } else if (c == '}' || c == ']') {
      --depth;
    }
    if (!quoted && depth <= 0) return at + 1;
  }
  return tl::unexpected(std::string("unexpected EOF"));
}

std::string quoted_char(char c) { return std::string("'") + c + "'"; }

std::string_view kind_of(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "array";
  return value.is_object() ? "object" : "number";
}

/// `range_end` is `rangeEnd` as well.
std::string camel_case(std::string_view name) {
  std::string camel;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '_' || i + 1 == name.size()) {
      camel += name[i];
    } else {
      const char next = name[++i];
      camel += next >= 'a' && next <= 'z' ? static_cast<char>(next - 'a' + 'A') : next;
    }
  }
  return camel;
}

}  // namespace

tl::expected<std::optional<Json>, std::string> take_message(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(json_space), text.size()));
  if (text.empty()) return std::nullopt;
  const auto end = end_of_value(text);
  if (!end) return tl::unexpected(end.error());
  const std::string_view value = text.substr(0, *end);
  text.remove_prefix(*end);
  Json json = Json::parse(value.begin(), value.end(), nullptr, false);
  if (json.is_discarded()) {
    return tl::unexpected("invalid character " + quoted_char(value[0]) + " looking for beginning of value");
  }
  return json;
}

GatewayFields::GatewayFields(const Json& object, std::string& problem) : object_(object), problem_(problem) {
  if (!object.is_object() && !object.is_null()) wrong(object, "map[string]json.RawMessage");
}

const Json* GatewayFields::find(std::string_view name) const {
  if (!problem_.empty() || !object_.is_object()) return nullptr;
  auto found = name.find('_') == std::string_view::npos ? object_.end() : object_.find(camel_case(name));
  if (found == object_.end()) found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void GatewayFields::wrong(const Json& value, std::string_view type) {
  std::string kind(kind_of(value));
  if (value.is_number() && type != "bool" && !type.ends_with("uint8") && type != "string") kind += " " + value.dump();
  refuse("json: cannot unmarshal " + kind + " into Go value of type " + std::string(type));
}

std::int64_t GatewayFields::number_of(const Json& value, std::string_view type) {
  constexpr auto largest = std::uint64_t{std::numeric_limits<std::int64_t>::max()};
  const bool small = type != "int64";  // An enumeration.
  std::optional<std::int64_t> number;
  if (value.is_number_unsigned()) {
    const auto plain = value.get<std::uint64_t>();
    if (plain <= largest) number = static_cast<std::int64_t>(plain);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  }
  if (number && small && (*number < INT32_MIN || *number > INT32_MAX)) number.reset();
  if (!number) wrong(value, type);
  return number.value_or(0);
}

std::int64_t GatewayFields::quoted_number(const std::string& text) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  const bool is_json = !text.starts_with("-0") && (!text.starts_with('0') || text.size() == 1);
  if (error == std::errc() && stopped == end && is_json) return number;
  const Json value = Json::parse(text, nullptr, false);
  if (!value.is_discarded()) {
    if (value.is_null()) return 0;
    if (value.is_number()) return number_of(value, "int64");
    wrong(value, "int64");
  } else if (text.empty() || text == "-") {
    refuse("unexpected end of JSON input");
  } else if (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) {
    refuse("invalid character " + quoted_char(*stopped) + " after top-level value");
  } else {
    refuse("invalid character " + quoted_char(text[0]) + " looking for beginning of value");
  }
  return 0;
}

std::int64_t GatewayFields::number(std::string_view name) {
  const Json* const value = find(name);
  if (value == nullptr) return 0;
  if (value->is_string()) return quoted_number(value->get_ref<const std::string&>());
  return number_of(*value, "int64");
}

bool GatewayFields::flag(std::string_view name) {
  const Json* const value = find(name);
  if (value != nullptr && !value->is_boolean()) wrong(*value, "bool");
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

std::string GatewayFields::text(std::string_view name) {
  const Json* const value = find(name);
  if (value != nullptr && !value->is_string()) wrong(*value, "string");
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

std::string GatewayFields::bytes(std::string_view name) {
  const Json* const value = find(name);
  if (value == nullptr) return {};
  if (!value->is_string()) {
    wrong(*value, "[]uint8");
    return {};
  }
  auto decoded = decode_base64(value->get_ref<const std::string&>());
  if (!decoded) refuse("illegal base64 data at input byte " + std::to_string(decoded.error()));
  return std::move(decoded).value_or(std::string());
}

std::int64_t GatewayFields::choice(std::string_view name, std::string_view type, Names names) {
  const Json* const value = find(name);
  return value == nullptr ? 0 : choice_of(*value, type, names);
}

std::int64_t GatewayFields::choice_of(const Json& value, std::string_view type, Names names) {
  if (!value.is_string()) return number_of(value, "etcdserverpb." + std::string(type));
  const auto& text = value.get_ref<const std::string&>();
  const auto* const found = std::find(names.begin(), names.end(), text);
  if (found != names.end()) return found - names.begin();
  refuse("unknown value " + value.dump() + " for enum etcdserverpb." + std::string(type));
  return 0;
}

}  // namespace deimos::fake
