// The parameters of a request, by Go's rules: from the body first, then from the query; the first of several counts.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace deimos::fake {

enum class FormField {
  dir,
  prev_exists,
  prev_index,
  prev_value,
  recursive,
  sorted,
  stream,
  ttl,
  value,
  wait,
  wait_index,
};
inline constexpr std::size_t field_count = 11;

/// Views of the texts it was given, which must outlive it.
class Form {
 public:
  /// Reads `name=value&…`. Returns what is wrong, in Go's words, if anything is.
  [[nodiscard]] std::optional<std::string> add(std::string_view encoded);

  [[nodiscard]] bool has(FormField field) const noexcept { return place(field).given; }
  /// Decoded; empty if not given.
  [[nodiscard]] std::string get(FormField field) const;

 private:
  struct Given {
    std::string_view encoded;
    bool given = false;
  };
  [[nodiscard]] const Given& place(FormField field) const noexcept { return given_[static_cast<std::size_t>(field)]; }

  std::array<Given, field_count> given_;
};

/// Whether a body of this content type is a form: yes, no, or what is wrong with the content type, in Go's words.
struct FormType {
  bool is_form = false;
  std::string_view problem;
  [[nodiscard]] static FormType of(std::string_view content_type);
};

}  // namespace deimos::fake
