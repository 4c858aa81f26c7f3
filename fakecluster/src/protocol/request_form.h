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
  no_value_on_success,
  prev_exists,
  prev_index,
  prev_value,
  quorum,
  recursive,
  refresh,
  sorted,
  stream,
  ttl,
  value,
  wait,
  wait_index,
};
inline constexpr std::size_t field_count = 14;

/// What a dialect calls each field; a field without a name is unknown to it.
class FieldNames {
 public:
  /// The same but for this name.
  [[nodiscard]] constexpr FieldNames with(FormField field, std::string_view name) const noexcept {
    FieldNames changed = *this;
    changed.names_[static_cast<std::size_t>(field)] = name;
    return changed;
  }
  [[nodiscard]] constexpr std::string_view operator[](FormField field) const noexcept {
    return names_[static_cast<std::size_t>(field)];
  }
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const noexcept;

 private:
  std::array<std::string_view, field_count> names_{};
};

/// Views of the texts it was given, which must outlive it.
class Form {
 public:
  explicit Form(const FieldNames& names) noexcept : names_(names) {}

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

  const FieldNames& names_;
  std::array<Given, field_count> given_;
};

/// Whether a body of this content type is a form: yes, no, or what is wrong with the content type, in Go's words.
struct FormType {
  bool is_form = false;
  std::string_view problem;
  [[nodiscard]] static FormType of(std::string_view content_type);
};

}  // namespace deimos::fake
