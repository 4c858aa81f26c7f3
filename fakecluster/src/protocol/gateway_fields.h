// One JSON message of a request to etcd's gateway, read as the gateway reads it: what is not known is passed over, what
// is missing or null is 0 or empty, numbers may be in quotes, each name may be given in two ways.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace deimos::fake {

/// The first message of `text`, and takes it off; nothing if there is none. Refused: why, in about Go's words.
[[nodiscard]] tl::expected<std::optional<nlohmann::json>, std::string> take_message(std::string_view& text);

/// The members of an object. The first that is not as it must be is remembered; all that is read then is empty.
class GatewayFields {
 public:
  using Json = nlohmann::json;
  /// The names of an enumeration's values, from 0 on.
  using Names = std::initializer_list<std::string_view>;

  /// `problem`: shared by all objects of a message.
  GatewayFields(const Json& object, std::string& problem);

  [[nodiscard]] std::int64_t number(std::string_view name);
  [[nodiscard]] bool flag(std::string_view name);
  [[nodiscard]] std::string bytes(std::string_view name);
  [[nodiscard]] std::string text(std::string_view name);
  /// `type`: what the gateway calls the enumeration. Any number is taken.
  [[nodiscard]] std::int64_t choice(std::string_view name, std::string_view type, Names names);
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// Calls `take` with the fields of the object of that name, if there is one; returns whether.
  template <typename Take>
  bool object(std::string_view name, Take take) {
    const Json* const value = find(name);
    if (value == nullptr) return false;
    GatewayFields fields(*value, problem_);
    if (problem_.empty()) take(fields);
    return true;
  }
  /// Calls `take` with the fields of each object of that array.
  template <typename Take>
  void each(std::string_view name, Take take) {
    for_each(name, [&](const Json& element) {
      GatewayFields fields(element, problem_);
      if (problem_.empty()) take(fields);
    });
  }
  /// As choice(), of each element of that array.
  template <typename Take>
  void each_choice(std::string_view name, std::string_view type, Names names, Take take) {
    for_each(name, [&](const Json& element) { take(choice_of(element, type, names)); });
  }

 private:
  [[nodiscard]] const Json* find(std::string_view name) const;
  template <typename Take>
  void for_each(std::string_view name, Take take) {
    const Json* const value = find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return wrong(*value, "[]json.RawMessage");
    for (const Json& element : *value) {
      if (problem_.empty()) take(element);
    }
  }
  [[nodiscard]] std::int64_t choice_of(const Json& value, std::string_view type, Names names);
  [[nodiscard]] std::int64_t number_of(const Json& value, std::string_view type);
  [[nodiscard]] std::int64_t quoted_number(const std::string& text);
  void wrong(const Json& value, std::string_view type);
  void refuse(std::string why) {
    if (problem_.empty()) problem_ = std::move(why);
  }

  const Json& object_;
  std::string& problem_;
};

}  // namespace deimos::fake
