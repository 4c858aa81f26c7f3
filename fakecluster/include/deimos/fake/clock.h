// The fake's notion of the time of day, from which it computes when keys expire.
#pragma once

#include <atomic>
#include <chrono>

#include <deimos/internal/export.h>

namespace deimos::fake {

/// Wall-clock time to the nanosecond, UTC: what Deimos prints as `expiration`.
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// Thread-safe.
class DEIMOS_EXPORT Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
};

/// The machine's wall clock.
class DEIMOS_EXPORT SystemClock final : public Clock {
 public:
  [[nodiscard]] Instant now() const noexcept override;
};

/// Stands still until it is moved. Starts at 2026-01-01T00:00:00Z, so that runs are the same every time.
class DEIMOS_EXPORT ManualClock final : public Clock {
 public:
  static constexpr Instant epoch{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  explicit ManualClock(Instant start = epoch) noexcept : now_(start.time_since_epoch().count()) {}
  [[nodiscard]] Instant now() const noexcept override { return Instant{std::chrono::nanoseconds{now_.load()}}; }
  void set(Instant instant) noexcept { now_.store(instant.time_since_epoch().count()); }

 private:
  std::atomic<std::int64_t> now_;
};

}  // namespace deimos::fake
