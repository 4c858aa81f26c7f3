// What happened to a key: the answer to a write, and what watchers are told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/fake/clock.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

enum class Action : std::uint8_t { set, create, update, compare_and_swap, remove, compare_and_delete, expire };

/// As it goes over the wire: `set`, `compareAndSwap`, `delete`, …
[[nodiscard]] DEIMOS_EXPORT std::string_view to_string(Action action) noexcept;

/// A file or directory as it was at an event.
struct Image {
  std::optional<std::string> value;  ///< Not for a directory, nor for a file that is gone.
  bool directory = false;            ///< Also false for a directory that expired, as Deimos says it.
  std::optional<Instant> expiration;
  std::uint64_t modified_index = 0;
  std::uint64_t created_index = 0;
};

struct DEIMOS_EXPORT Event {
  Action action = Action::set;
  std::string key;
  std::uint64_t index = 0;  ///< Of the change; indices of successive events differ by one.
  Instant at{};             ///< When the store that made the event made it, by its clock; `ttl` counts from here.
  Image node;
  std::optional<Image> previous;
  bool refresh = false;  ///< Only the expiry is new: watchers are not told.

  /// Whether something went with this event.
  [[nodiscard]] bool is_removal() const noexcept;
  /// Whether a directory, and so all below it, went with this event.
  [[nodiscard]] bool removed_directory() const noexcept;
};

}  // namespace deimos::fake
