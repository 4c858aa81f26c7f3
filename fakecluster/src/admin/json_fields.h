// Plain values as JSON by their lists of fields (fields_of<T>(), which must be seen before this is used): the writing,
// and the strict reading.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include <deimos/fake/clock.h>
#include <deimos/internal/rfc3339.h>

#include "admin/json_text.h"
#include "faults/fault_text.h"

namespace deimos::fake {

template <typename Owner, typename Value>
struct JsonField {
  const char* name;
  Value Owner::*member;
};
template <typename Owner, typename Value>
JsonField(const char*, Value Owner::*) -> JsonField<Owner, Value>;

/// The fields of a T, each with the name that JSON has for it.
template <typename T>
constexpr auto fields_of();

/// What an object is called when it is missing or has a wrong field.
template <typename T>
inline constexpr const char* object_name = "value";

namespace json_fields {

[[noreturn]] inline void refuse(const std::string& where, const std::string& why) {
  throw std::invalid_argument(where.empty() ? why : where + ": " + why);
}

template <typename... Alternatives>
constexpr bool is_variant(const std::variant<Alternatives...>* /*type*/) {
  return true;
}
constexpr bool is_variant(const void* /*type*/) { return false; }
template <typename T>
constexpr bool is_vector(const std::vector<T>* /*type*/) {
  return true;
}
constexpr bool is_vector(const void* /*type*/) { return false; }
template <typename T>
constexpr bool is_optional(const std::optional<T>* /*type*/) {
  return true;
}
constexpr bool is_optional(const void* /*type*/) { return false; }

using Texts = std::map<std::string, std::string>;

// Writing.

template <typename T>
Json write(const T& value);

/// What is not given is not written.
template <typename T>
void write_field(Json& json, const char* name, const T& value) {
  constexpr const T* type = nullptr;
  if constexpr (is_optional(type)) {
    if (value) json[name] = write(*value);
  } else {
    json[name] = write(value);
  }
}

template <typename T>
void write_fields(Json& json, const T& value) {
  std::apply([&](const auto&... field) { (write_field(json, field.name, value.*field.member), ...); }, fields_of<T>());
}

template <typename T>
Json write(const T& value) {
  constexpr const T* type = nullptr;
  if constexpr (std::is_same_v<T, std::chrono::nanoseconds>) {
    return duration_text(value);
  } else if constexpr (std::is_same_v<T, Instant>) {
    return internal::rfc3339_text(value);
  } else if constexpr (std::is_enum_v<T>) {
    return to_string(value);
  } else if constexpr (std::is_same_v<T, Texts>) {
    Json json = Json::object();
    for (const auto& [name, text] : value) json[name] = text;
    return json;
  } else if constexpr (is_vector(type)) {
    Json json = Json::array();
    for (const auto& element : value) json.push_back(write(element));
    return json;
  } else if constexpr (is_variant(type)) {
    Json json{{"kind", name_of(value)}};
    std::visit([&](const auto& alternative) { write_fields(json, alternative); }, value);
    return json;
  } else if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
    Json json = Json::object();
    write_fields(json, value);
    return json;
  } else {
    return value;
  }
}

// Reading.

template <typename T>
void read(const Json& json, T& value, const std::string& where);

/// Reads the field of that name, if it is the one.
template <typename T, typename F>
bool read_if(const Json& json, T& value, const F& field, const std::string& name, const std::string& where) {
  if (name != field.name) return false;
  read(json, value.*field.member, where.empty() ? name : where + "." + name);
  return true;
}

template <typename T>
std::string field_names() {
  std::string names;
  std::apply([&](const auto&... field) { ((names += std::string(names.empty() ? "" : ", ") + field.name), ...); },
             fields_of<T>());
  return names.empty() ? "no fields" : "the fields " + names;
}

/// `what` is a name for the object, of which one field has been seen to: `done`.
template <typename T>
void read_fields(const Json& json, T& value, const std::string& what, const std::string& where,
                 std::string_view done = {}) {
  for (const auto& [name, element] : json.items()) {
    if (name == done) continue;
    const bool known =
        std::apply([&, &field_name = name, &field_json = element](
                       const auto&... field) { return (read_if(field_json, value, field, field_name, where) || ...); },
                   fields_of<T>());
    if (known) continue;
    std::string why = "'";
    refuse(where, why.append(what).append("' has no field '").append(name).append("': it has ") + field_names<T>());
  }
}

template <typename Variant, std::size_t... index>
bool read_alternative(const Json& json, Variant& value, const std::string& kind, const std::string& where,
                      std::index_sequence<index...> /*indices*/) {
  const auto read_one = [&](Variant candidate) {
    if (name_of(candidate) != kind) return false;
    if (json.is_object()) {
      std::visit([&](auto& alternative) { read_fields(json, alternative, kind, where, "kind"); }, candidate);
    }
    value = std::move(candidate);
    return true;
  };
  return (read_one(Variant(std::in_place_index<index>)) || ...);
}

template <typename Variant, std::size_t... index>
std::string kinds(std::index_sequence<index...> /*indices*/) {
  std::string names;
  ((names += (index == 0 ? "" : ", ") + std::string(name_of(Variant(std::in_place_index<index>)))), ...);
  return names;
}

template <typename Variant>
void read_variant(const Json& json, Variant& value, const std::string& where) {
  constexpr auto indices = std::make_index_sequence<std::variant_size_v<Variant>>();
  const bool complete = json.is_object() && json.contains("kind");
  const Json& kind = complete ? json.at("kind") : json;
  if (!kind.is_string()) refuse(where, "expected a kind, as \"" + std::string(name_of(value)) + "\" or {\"kind\": …}");
  const auto& name = kind.get_ref<const std::string&>();
  if (!read_alternative(json, value, name, where, indices)) {
    refuse(where, "there is no kind '" + name + "': there are " + kinds<Variant>(indices));
  }
}

template <typename T>
void read_number(const Json& json, T& value, const std::string& where) {
  using Limits = std::numeric_limits<T>;
  const bool fits = json.is_number_unsigned() ? std::in_range<T>(json.get<std::uint64_t>())
                                              : json.is_number_integer() && std::in_range<T>(json.get<std::int64_t>());
  if (!fits) {
    refuse(where,
           "expected a whole number from " + std::to_string(Limits::min()) + " to " + std::to_string(Limits::max()));
  }
  value = json.get<T>();
}

template <typename T>
void read(const Json& json, T& value, const std::string& where) {
  constexpr const T* type = nullptr;
  if constexpr (std::is_same_v<T, Json>) {
    value = json;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!json.is_boolean()) refuse(where, "expected true or false");
    value = json.get<bool>();
  } else if constexpr (std::is_same_v<T, double>) {
    if (!json.is_number()) refuse(where, "expected a number");
    value = json.get<double>();
  } else if constexpr (std::is_integral_v<T>) {
    read_number(json, value, where);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!json.is_string()) refuse(where, "expected a text");
    value = json.get<std::string>();
  } else if constexpr (std::is_same_v<T, std::chrono::nanoseconds>) {
    const auto duration = json.is_string() ? parse_duration(json.get_ref<const std::string&>()) : std::nullopt;
    if (!duration) refuse(where, R"(expected a duration with its unit, as "5s", "-1.5s" or "200ms")");
    value = *duration;
  } else if constexpr (is_optional(type)) {
    read(json, value.emplace(), where);
  } else if constexpr (std::is_same_v<T, Texts>) {
    if (!json.is_object()) refuse(where, "expected an object of texts");
    value.clear();
    for (const auto& [name, element] : json.items()) {
      std::string place = where;
      read(element, value[name], place.append(".").append(name));
    }
  } else if constexpr (is_vector(type)) {
    if (!json.is_array()) refuse(where, "expected an array");
    value.clear();
    for (const Json& element : json) {
      const std::string place = where + "[" + std::to_string(value.size()) + "]";
      read(element, value.emplace_back(), place);
    }
  } else if constexpr (is_variant(type)) {
    read_variant(json, value, where);
  } else {
    if (!json.is_object()) refuse(where, std::string("expected a ") + object_name<T> + ", as an object");
    read_fields(json, value, object_name<T>, where);
  }
}

template <typename T>
T read_whole(const Json& json, const std::string& where = {}) {
  T value{};
  read(json, value, where);
  return value;
}

}  // namespace json_fields
}  // namespace deimos::fake
