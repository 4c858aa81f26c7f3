// The events of a run: for reports after a failure, and to compare two runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

struct DEIMOS_EXPORT HistoryEvent {
  std::uint64_t sequence = 0;
  Duration at = {};     ///< True virtual time since the start.
  std::string kind;     ///< `request`, `crash`, …
  std::string subject;  ///< The process, task or node.
  std::string text;
  std::uint64_t hash = 0;  ///< Of everything up to and including this event.

  /// One line: `+1.250000000s  request  worker  PUT /keys/locks/a`.
  [[nodiscard]] std::string describe() const;
};

/// A running hash of all events, and the last events in full. Not thread-safe; any thread may read while nothing is
/// recorded.
class DEIMOS_EXPORT History {
 public:
  static constexpr std::size_t unlimited = 0;
  /// Keeps the last `capacity` events, or all.
  explicit History(std::size_t capacity = 2000) : capacity_(capacity) {}

  void record(Duration at, std::string_view kind, std::string_view subject, std::string_view text);
  /// Changes the hash only: for events too frequent to keep.
  void absorb(std::uint64_t value) noexcept;

  /// Equal for two runs with the same events in the same order at the same instants.
  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  /// How many events were recorded.
  [[nodiscard]] std::uint64_t size() const noexcept;
  /// Those kept, oldest first.
  [[nodiscard]] std::vector<HistoryEvent> events() const;
  /// The last `count` of them, a line each.
  [[nodiscard]] std::string tail(std::size_t count = 40) const;

 private:
  std::size_t capacity_;
  std::vector<HistoryEvent> events_;    // A ring once it is full.
  mutable std::uint64_t recorded_ = 0;  // Atomic, for readers that come later.
  std::uint64_t hash_ = 0x6465696D6F73u;
};

/// `+1.250000000s`, as in every report.
[[nodiscard]] DEIMOS_EXPORT std::string describe_time(Duration since_start);
/// C++ code for `duration`, such as `1500ms`.
[[nodiscard]] DEIMOS_EXPORT std::string duration_as_code(Duration duration);

}  // namespace deimos::testkit
