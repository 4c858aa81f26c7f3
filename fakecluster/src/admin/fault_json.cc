#include "admin/fault_json.h"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <deimos/fake/fault_json.h>

#include <deimos/internal/rfc3339.h>
#include "admin/fault_fields.h"
#include "faults/fault_text.h"

namespace deimos::fake {
namespace {

using std::chrono::nanoseconds;

[[noreturn]] void refuse(const std::string& where, const std::string& why) {
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

// Writing.

template <typename T>
Json write(const T& value);

template <typename T>
void write_fields(Json& json, const T& value) {
  std::apply([&](const auto&... field) { ((json[field.name] = write(value.*field.member)), ...); }, fields_of<T>());
}

template <typename T>
Json write(const T& value) {
  constexpr const T* type = nullptr;
  if constexpr (std::is_same_v<T, nanoseconds>) {
    return duration_text(value);
  } else if constexpr (std::is_same_v<T, Instant>) {
    return internal::rfc3339_text(value);
  } else if constexpr (std::is_same_v<T, Role>) {
    return to_string(value);
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
  if constexpr (std::is_same_v<T, bool>) {
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
  } else if constexpr (std::is_same_v<T, nanoseconds>) {
    const auto duration = json.is_string() ? parse_duration(json.get_ref<const std::string&>()) : std::nullopt;
    if (!duration) refuse(where, R"(expected a duration with its unit, as "5s", "-1.5s" or "200ms")");
    value = *duration;
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
    constexpr const char* what = std::is_same_v<T, Rule> ? "rule" : "match";
    if (!json.is_object()) refuse(where, std::string("expected a ") + what + ", as an object");
    read_fields(json, value, what, where);
  }
}

template <typename T>
T read_whole(const Json& json, const std::string& where = {}) {
  T value{};
  read(json, value, where);
  return value;
}

}  // namespace

Json parse_json(std::string_view text) {
  constexpr std::size_t most_fields = 100;
  std::vector<std::set<std::string>> open;  // The fields so far of each object that we are in.
  const auto watch_fields = [&](int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second) {
      refuse("", "the field '" + parsed.get<std::string>() + "' is there twice");
    }
    // The library looks through all fields of an object for each.
    if (!open.empty() && open.back().size() > most_fields) {
      refuse("", "an object has more than " + std::to_string(most_fields) + " fields");
    }
    return true;
  };
  try {
    return Json::parse(text, watch_fields);
  } catch (const Json::exception& error) {
    refuse("not JSON", error.what());
  }
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json json_of(const Fault& fault) { return write(fault); }
Json json_of(const Rule& rule) { return write(rule); }
Json json_of(const ClusterState& state) { return write(state); }
Json json_of(const RuleStatus& status) { return write(status); }

Fault fault_of(const Json& json) { return read_whole<Fault>(json); }
Rule rule_of(const Json& json) { return read_whole<Rule>(json); }
nanoseconds duration_of(const Json& json, const std::string& where) { return read_whole<nanoseconds>(json, where); }
std::uint64_t number_of(const Json& json, const std::string& where) { return read_whole<std::uint64_t>(json, where); }

std::string to_json(const Fault& fault) { return text_of(json_of(fault)); }
std::string to_json(const Rule& rule) { return text_of(json_of(rule)); }
Fault fault_from_json(std::string_view text) { return fault_of(parse_json(text)); }
Rule rule_from_json(std::string_view text) { return rule_of(parse_json(text)); }

}  // namespace deimos::fake
