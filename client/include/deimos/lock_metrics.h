// Figures of what locks and their client do, for dashboards and alerts.
//
//   const deimos::LockMetrics metrics;
//   const deimos::Client client({.endpoints = …, .observer = metrics.observer()});
//   deimos::LockManager locks(client, {.on_event = metrics.on_event()});
//   … deimos::prometheus_text(metrics.figures()) …   // for whoever asks for /metrics
//
// No figure is kept per lock: there may be any number of those.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <system_error>

#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/observer.h>
#include <deimos/runtime.h>

namespace deimos {

/// How many durations there were, and how long.
struct DEIMOS_EXPORT DurationHistogram {
  /// Each bucket has what is longer than the bound before its own, and no longer than that; the last has the rest.
  static constexpr std::array<Duration, 12> bounds = {
      std::chrono::milliseconds(1),   std::chrono::milliseconds(5),   std::chrono::milliseconds(25),
      std::chrono::milliseconds(100), std::chrono::milliseconds(500), std::chrono::seconds(1),
      std::chrono::seconds(5),        std::chrono::seconds(10),       std::chrono::seconds(30),
      std::chrono::minutes(1),        std::chrono::minutes(10),       std::chrono::hours(1)};

  std::array<std::uint64_t, bounds.size() + 1> buckets{};
  std::uint64_t count = 0;
  double sum = 0;  ///< In seconds.

  /// One more; less than nothing counts as nothing.
  void add(Duration duration);
};

/// As of one moment. All but `held`, `waiting` and `up` only grows, from when the LockMetrics was made.
struct LockFigures {
  std::int64_t held = 0;     ///< Acquisitions now; a nested one does not count.
  std::int64_t waiting = 0;  ///< Calls of acquire() that wait now, for their turn here or for the store.
  std::uint64_t acquired = 0;
  std::uint64_t released = 0;                       ///< By their holder; the store has confirmed it.
  std::map<std::error_code, std::uint64_t> lost;    ///< By why.
  std::map<std::error_code, std::uint64_t> failed;  ///< Calls of acquire() that waited in vain, by why.
  DurationHistogram waits;                          ///< Of acquire(), in vain or not.
  DurationHistogram holds;

  std::uint64_t renewals = 0;         ///< Of leases that are held, and of places in queues.
  std::uint64_t failed_renewals = 0;  ///< Unclear or refused; each is tried again.
  std::uint64_t late_renewals = 0;    ///< So late that a second try would not have fit: leases are in danger.
  DurationHistogram renewal_lag;      ///< How much later than planned renewals are sent. It grows before leases end.

  std::uint64_t places_lost = 0;      ///< In queues; who had them lined up again.
  std::uint64_t left_to_cleaner = 0;  ///< Releases, and acquires given up, that are finished in the background.
  std::uint64_t left_to_expire = 0;   ///< What the background could not clean up either.
  std::uint64_t stray_unlocks = 0;

  struct Endpoint {
    bool up = true;              ///< In use.
    std::uint64_t answered = 0;  ///< Requests with a complete answer, whatever its status.
    std::uint64_t failed = 0;    ///< Requests without one.
  };
  /// Without credentials. At most 1,000: what is of others counts as `other`.
  std::map<std::string, Endpoint> endpoints;
  DurationHistogram requests;  ///< How long each took, answered or not.
  std::uint64_t retries = 0;
};

/// Counts. Thread-safe; what it hands out may outlive it, and may be given to several clients and managers, which are
/// counted together.
class DEIMOS_EXPORT LockMetrics {
 public:
  LockMetrics();
  /// For LockOptions::on_event.
  [[nodiscard]] std::function<void(const LockEvent&)> on_event() const;
  /// For ClientOptions::observer.
  [[nodiscard]] std::shared_ptr<Observer> observer() const;
  [[nodiscard]] LockFigures figures() const;

 private:
  class Counter;
  std::shared_ptr<Counter> counter_;
};

/// In Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/): to be served as
/// `text/plain; version=0.0.4`. All names begin with `deimos_`.
[[nodiscard]] DEIMOS_EXPORT std::string prometheus_text(const LockFigures& figures);

}  // namespace deimos
