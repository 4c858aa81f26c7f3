// Where locks come from: the locks of one prefix, with one session for all of them.
//
// A session has four tasks, however many locks are held: one renews, one watches the deadlines, one tells of losses
// (more of those, up to eight, while callbacks are slow), one cleans up. They start with the first acquire.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <deimos/client.h>
#include <deimos/election.h>
#include <deimos/internal/export.h>
#include <deimos/lock_backend.h>
#include <deimos/lock_change.h>
#include <deimos/lock_options.h>
#include <deimos/mutex.h>
#include <deimos/release_request.h>
#include <deimos/semaphore.h>
#include <deimos/shared_mutex.h>

namespace deimos {

class LockTable;

/// Thread-safe. If the options cannot be used, every call fails with errc::invalid_argument, saying which and why.
/// In a child of fork() it is inert, with all that it made: nothing is held, sent or released, calls say errc::closed.
/// Make another there, of another Client.
class DEIMOS_EXPORT LockManager {
 public:
  explicit LockManager(const Client& client, LockOptions options = {});
  LockManager(std::shared_ptr<LockBackend> backend, std::shared_ptr<Runtime> runtime, LockOptions options = {});
  LockManager(LockManager&&) noexcept;
  LockManager& operator=(LockManager&&) = delete;
  LockManager(const LockManager&) = delete;
  LockManager& operator=(const LockManager&) = delete;
  /// As close().
  ~LockManager();

  /// The lock of that name; uses no network. A name is a path below the prefix, of parts with `/` between. If it cannot
  /// be used (empty parts, `.` and `..`, parts that begin with `_`, which would be hidden, control characters, text
  /// that is not UTF-8, more than 512 bytes), every use of the Mutex is refused with errc::invalid_key.
  [[nodiscard]] Mutex mutex(std::string_view name, const MutexOptions& options = {}) const;
  // The other kinds, likewise. A name is of one kind: as long as this process has a handle of it, one of another kind
  // is refused (errc::lock_kind_differs), and so is one whose kind differs from what the store has under that name: a
  // Mutex that is not fair is a file (any other kind: errc::not_a_directory), all others are directories (such a Mutex:
  // errc::not_a_file), which stay when nobody uses them, until somebody deletes them.
  [[nodiscard]] SharedMutex shared_mutex(std::string_view name) const;
  [[nodiscard]] Semaphore semaphore(std::string_view name, const SemaphoreOptions& options) const;
  [[nodiscard]] Election election(std::string_view name) const;

  /// Calls `run()` or `run(hold)` under the lock. The result is what `run` returns, or why it was not run, or
  /// errc::lock_expired or lock_not_held: it ran, but the lock was lost before its end.
  template <typename Function>
  auto with_lock(std::string_view name, Function&& run, const AcquireOptions& options = {}, std::stop_token stop = {}) {
    return run_under(mutex(name).acquire(options, std::move(stop)), std::forward<Function>(run));
  }
  /// The same with one try: errc::lock_already_held if the lock is not free.
  template <typename Function>
  auto try_with_lock(std::string_view name, Function&& run, AcquireOptions options = {}, std::stop_token stop = {}) {
    options.wait = Duration::zero();
    return with_lock(name, std::forward<Function>(run), options, std::move(stop));
  }

  // Each of these asks the store, and blocks at most for LockOptions::request_timeout.

  /// Whether anybody holds it. A lease that is over by more than LockOptions::max_clock_skew holds nothing.
  [[nodiscard]] Result<bool> is_locked(std::string_view name, std::stop_token stop = {}) const;
  /// Who holds it; of several the one who lined up first.
  [[nodiscard]] Result<std::optional<LockInfo>> info(std::string_view name, std::stop_token stop = {}) const;
  /// Those who hold the lock or wait for it in its queue, in their order. (Who waits for a Mutex that is not fair is in
  /// no queue.)
  [[nodiscard]] Result<std::vector<LockInfo>> line(std::string_view name, std::stop_token stop = {}) const;
  /// The locks held below the prefix, by name, and who waits for them in their queues; with `below`, those under that
  /// part of it.
  [[nodiscard]] Result<std::vector<LockInfo>> list(std::string_view below = {}, std::stop_token stop = {}) const;
  /// Calls back on the calling task with every change of who holds locks below the prefix, or waits for them; first
  /// with those who do now. None is left out: where the store's history has been overtaken, what is different is told
  /// (LockChange::Kind::gone). A lease that is over counts until the store has swept it. With `below`, only of the
  /// locks under that part of the prefix. Blocks until `stop` is triggered (errc::cancelled), the manager is closed
  /// (errc::closed), or the store cannot be made sense of.
  Result<void> observe(const std::function<void(const LockChange&)>& on_change, std::stop_token stop,
                       std::string_view below = {}) const;
  /// Asks whoever holds the lock now (all who do) to let go of it: those who listen are told
  /// (Hold::asked_to_release()), those who do not go on; who comes later is not asked. False if nobody holds it. Then
  /// wait for the lock as always, and use force_unlock() when the time is up. Two requests, and a record that is gone
  /// after `within`.
  Result<bool> ask_to_release(std::string_view name, const ReleaseDemand& demand = {}, std::stop_token stop = {}) const;
  /// Takes the lock from whoever holds it (from all who do): false if nobody does. A holder that uses this manager
  /// learns of it at once, any other at its next renewal.
  Result<bool> force_unlock(std::string_view name, std::stop_token stop = {}) const;

  /// Ends every wait with errc::closed. Every lock that is held is lost (errc::closed): its holder is told, then the
  /// store. Stops all tasks. Blocks at most for about twice LockOptions::request_timeout; what is not released by then
  /// expires, and callbacks that still run are not waited for. Nothing is sent afterwards. Idempotent. May be called
  /// from anywhere, also from a callback.
  void close() noexcept;

 private:
  template <typename Function>
  static auto call(Function&& run, const Hold& hold) {
    if constexpr (std::is_invocable_v<Function, const Hold&>) {
      return std::invoke(std::forward<Function>(run), hold);
    } else {
      return std::invoke(std::forward<Function>(run));
    }
  }
  template <typename Function>
  static auto run_under(Result<Hold> hold, Function&& run)
      -> Result<decltype(call(std::forward<Function>(run), std::declval<const Hold&>()))> {
    if (!hold) return tl::unexpected<Error>(std::move(hold.error()));
    using Value = decltype(call(std::forward<Function>(run), *hold));
    if constexpr (std::is_void_v<Value>) {
      call(std::forward<Function>(run), *hold);
      const Result<Release> end = hold->release();
      if (!end) return tl::unexpected<Error>(end.error());
      return {};
    } else {
      Value value = call(std::forward<Function>(run), *hold);
      const Result<Release> end = hold->release();
      if (!end) return tl::unexpected<Error>(end.error());
      return value;
    }
  }

  std::shared_ptr<LockTable> locks_;
};

}  // namespace deimos
