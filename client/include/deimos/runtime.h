// The seam to time, tasks and chance. All code of this library that waits, reads a clock, starts a task or draws a
// random number does it through a Runtime, so that the same blocking code runs on OS threads (ThreadRuntime) and under
// virtual time (testkit).
//
// Laws that every Runtime keeps:
//  1. now() never goes back. It has nothing to do with the wall clock.
//  2. A wait returns no later than its deadline allows the task to run, and at once if what it waits for has happened
//     already: a notify() between Signal::epoch() and Signal::wait() is never lost.
//  3. notify() may be called from any task or thread, under any lock of the caller's; it runs nobody's code.
//  4. Tasks run concurrently or interleaved at waits; either way, code must not hold a mutex across a wait, an exchange
//     or a callback.
//  5. A runtime outlives its tasks: it is destroyed after all of them have ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include <deimos/internal/export.h>

namespace deimos {

using Duration = std::chrono::nanoseconds;
/// The clock of a Runtime: monotonic, and counting the time for which the machine was suspended where the system can
/// tell. A type of its own, so that its instants do not mix with those of std::chrono::steady_clock. Ask a Runtime for
/// now().
struct RuntimeClock {
  using duration = Duration;
  using rep = Duration::rep;
  using period = Duration::period;
  using time_point = std::chrono::time_point<RuntimeClock, Duration>;
  static constexpr bool is_steady = true;
};
/// An instant of a Runtime's clock. Instants of two runtimes cannot be compared.
using TimePoint = RuntimeClock::time_point;

/// `from + by`, held at TimePoint::max() instead of overflowing: "wait for ever" is `Duration::max()`.
[[nodiscard]] DEIMOS_EXPORT TimePoint saturating_add(TimePoint from, Duration by) noexcept;

/// Somewhere to wait for a change: an event count. Read epoch() while looking at the state that is waited for, let go
/// of the lock, then wait(epoch): if anything was notified in between, the wait returns at once. Thread-safe.
class DEIMOS_EXPORT Signal {
 public:
  virtual ~Signal() = default;
  [[nodiscard]] virtual std::uint64_t epoch() const noexcept = 0;
  /// Blocks the calling task until notify() was called after `seen` was read, or `deadline`. May also return early for
  /// no reason.
  virtual void wait(std::uint64_t seen, TimePoint deadline) = 0;
  /// Wakes every task that waits.
  virtual void notify() noexcept = 0;
};

/// A running task. Destroying it asks it to stop and waits for its end; if the task itself destroys it, the runtime
/// keeps it and waits for its end when the runtime is destroyed.
class DEIMOS_EXPORT Task {
 public:
  virtual ~Task() = default;
  /// Triggers the stop_token that the body was given; does not wait.
  virtual void request_stop() noexcept = 0;
};

/// Names a task for as long as it runs; used as the default owner of a re-entrant lock.
using TaskId = std::uint64_t;

/// See the laws at the top of this file. Every member is thread-safe.
class DEIMOS_EXPORT Runtime {
 public:
  virtual ~Runtime() = default;

  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  [[nodiscard]] virtual std::unique_ptr<Signal> make_signal() = 0;
  /// Starts `body` as a task of its own. `name` is for people (logs, deadlock reports). An exception that escapes the
  /// body ends the program (ThreadRuntime) or the simulation.
  [[nodiscard]] virtual std::unique_ptr<Task> spawn(std::string name, std::function<void(std::stop_token)> body) = 0;
  /// 64 uniformly random bits.
  [[nodiscard]] virtual std::uint64_t random() = 0;
  /// The calling task (or plain thread): never 0, unique among those alive.
  [[nodiscard]] virtual TaskId current_task() const noexcept = 0;

  /// False in a child of fork(): none of the tasks is there, so whatever was made with this runtime is inert. Calls say
  /// errc::closed, and destructors neither send nor wait for anything.
  [[nodiscard]] virtual bool is_of_this_process() const noexcept { return true; }

  /// Returns if the calling task may go on: always, but in simulations, which end a task whose process has crashed by
  /// an exception from here. Called by functions that may throw, before each request; never while a mutex is held.
  virtual void check_running() const {}

  /// Blocks until `deadline`, or until `stop` is triggered; true if the deadline was reached. One that has passed lets
  /// other tasks run.
  bool sleep_until(TimePoint deadline, const std::stop_token& stop = {});
  bool sleep_for(Duration duration, const std::stop_token& stop = {});
};

/// Waits with `lock` released until `ready()` (called under `lock`), `deadline` or `stop`; returns what ready() last
/// said. Whoever makes ready() true must do so under the same mutex and then notify `signal`. The stop_token's callback
/// only notifies, so request_stop() may be called from anywhere.
template <typename Predicate>
bool wait_until(Signal& signal, std::unique_lock<std::mutex>& lock, TimePoint deadline, const std::stop_token& stop,
                Runtime& runtime, Predicate ready) {
  std::stop_callback wake(stop, [&signal] { signal.notify(); });
  for (;;) {
    if (ready()) return true;
    if (stop.stop_requested() || runtime.now() >= deadline) return false;
    const std::uint64_t seen = signal.epoch();
    // Between ready() and epoch() the lock was held, so no change can have slipped in; a stop can, so it is asked
    // again.
    if (stop.stop_requested()) continue;
    lock.unlock();
    signal.wait(seen, deadline);
    lock.lock();
  }
}

}  // namespace deimos
