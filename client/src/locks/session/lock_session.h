// What all locks of one manager share: the leases they hold, and the tasks that renew, watch, announce and clean up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/release.h>
#include <deimos/runtime.h>

#include "locks/session/follow_changes.h"
#include "locks/session/held_leases.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_cleaner.h"
#include "locks/session/lock_lease.h"
#include "locks/session/lock_renewal.h"
#include "locks/session/lock_watchdog.h"
#include "locks/session/release_requests.h"
#include "locks/session/task_pool.h"

namespace deimos {

/// Thread-safe. Lives as long as its manager, its locks and its tasks; after close() it sends nothing any more.
class LockSession : public std::enable_shared_from_this<LockSession> {
 public:
  /// A call of the user's that is under way: close() waits for its end.
  class Operation {
   public:
    Operation(LockSession& session, TaskId task) : session_(&session), task_(task) {}
    Operation(Operation&& other) noexcept : session_(std::exchange(other.session_, nullptr)), task_(other.task_) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    Operation& operator=(Operation&&) = delete;
    ~Operation() {
      if (session_ != nullptr) session_->end_operation(task_);
    }

   private:
    LockSession* session_;
    TaskId task_;
  };

  LockSession(std::shared_ptr<LockBackend> backend, std::shared_ptr<Runtime> runtime, LockOptions options);

  [[nodiscard]] Runtime& runtime() const noexcept { return *runtime_; }
  [[nodiscard]] const std::shared_ptr<Runtime>& shared_runtime() const noexcept { return runtime_; }
  [[nodiscard]] LockBackend& backend() const noexcept { return *backend_; }
  [[nodiscard]] const LockOptions& options() const noexcept { return options_; }
  /// For one step of the caller's.
  [[nodiscard]] Deadline step_deadline(std::stop_token stop = {}) const;
  /// Triggered when the session closes.
  [[nodiscard]] std::stop_token closing() const noexcept { return closing_.get_token(); }
  /// errc::closed, or invalid_argument if the options cannot be used.
  [[nodiscard]] Result<Operation> begin();

  /// errc::invalid_key.
  [[nodiscard]] Result<std::string> key_of(std::string_view name) const;
  /// The name of the lock at `key`.
  [[nodiscard]] std::string name_of(std::string_view key) const;
  /// Whether no lock can be at that key, since a part of it begins with `_`. Not every store hides such keys by itself.
  [[nodiscard]] bool is_hidden(std::string_view key) const;
  [[nodiscard]] std::string requests_directory() const { return prefix_ + std::string(release_requests_directory); }
  /// For follow_changes().
  [[nodiscard]] FollowedDirectory directory(std::string path) const;
  /// A value that nobody else writes.
  [[nodiscard]] std::string make_token() const;

  /// Starts the tasks, the first time. errc::unavailable if that is impossible.
  Result<void> start();
  /// From now on `acquisition` is renewed and watched; `user` stays alive as long.
  void add(const std::shared_ptr<LockAcquisition>& acquisition, std::shared_ptr<LeaseUser> user);
  /// `acquisition` has come to its turn: false if its place was lost.
  [[nodiscard]] bool admit(const std::shared_ptr<LockAcquisition>& acquisition);
  /// `acquisition` leaves the queue, if it is in it; the store learns of it at once, or else in the background.
  void abandon(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why, bool at_once);
  /// Its record is to hold `text`, as soon as the store can be told.
  void want_text(const std::shared_ptr<LockAcquisition>& acquisition, std::string text);
  /// The same, now. If it fails, and the lock is not lost, it follows with the next renewal.
  Result<void> rewrite(const std::shared_ptr<LockAcquisition>& acquisition, std::string text, std::stop_token stop);
  /// Gives it back to the store.
  Result<Release> release(const std::shared_ptr<LockAcquisition>& acquisition);
  Result<void> renew(const std::shared_ptr<LockAcquisition>& acquisition, std::stop_token stop);
  void pause_renewal(const std::shared_ptr<LockAcquisition>& acquisition, bool paused);
  /// From now on holders are told if they are asked to let go.
  void listen_for_requests();
  /// It is lost: tells its holder, once, and cleans up.
  void lose(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why);
  /// As lose(), for the acquisition that wrote `token`, if it is of this session.
  void lose_token(const std::string& token, const Error& why);
  [[nodiscard]] bool holds_token(const std::string& token) const;
  /// `held`: how long it was, if this ends a hold.
  void clean(LockCleaner::Job job, const Error& why, std::optional<Duration> held = {});

  void report(LockEvent event) const noexcept;
  void report(LockEvent::Kind kind, const LockAcquisition& acquisition, std::optional<Error> error = {},
              std::optional<Duration> duration = {}) const noexcept;

  /// See LockManager::close().
  void close() noexcept;

 private:
  void end_operation(TaskId task) noexcept;
  /// Tells those whom the request is for.
  void ask_to_release(const ReleaseRequests::Addressed& asked);
  /// Tells its holder, in the background.
  void ask_to_release(const std::shared_ptr<LockAcquisition>& acquisition, const ReleaseRequest& request);
  /// It is held from now on: by somebody who may have been asked already.
  void consider_requests(const std::shared_ptr<LockAcquisition>& acquisition);
  [[nodiscard]] bool others_at_work() const DEIMOS_REQUIRES(mutex_);
  /// Tells the holder of what was lost, in the background.
  void announce(const std::shared_ptr<LockAcquisition>& acquisition, const Error& why);
  /// Tells whoever had it, as what it was.
  void tell_of_loss(const std::shared_ptr<LockAcquisition>& acquisition, LockAcquisition::State before,
                    const Error& why);
  /// Everything that is held is lost, and told so.
  [[nodiscard]] std::vector<std::shared_ptr<LockAcquisition>> lose_everything(TimePoint deadline);
  [[nodiscard]] LockCleaner::Job job_for(const LockAcquisition& acquisition, bool granted) const;
  [[nodiscard]] bool try_release(const LockAcquisition& acquisition, TimePoint deadline) noexcept;
  void release(const std::vector<std::shared_ptr<LockAcquisition>>& lost, TimePoint deadline);

  const std::shared_ptr<LockBackend> backend_;
  const std::shared_ptr<Runtime> runtime_;
  const LockOptions options_;
  const std::string prefix_;  ///< Ends with a slash.
  const std::optional<Error> bad_options_;

  HeldLeases held_;
  LockRenewal renewal_;
  LockWatchdog watchdog_;
  TaskPool announcer_;
  LockCleaner cleaner_;
  ReleaseRequests requests_;

  const std::unique_ptr<Signal> idle_;
  std::stop_source closing_;
  mutable internal::LocalMutex mutex_;
  std::vector<std::unique_ptr<Task>> tasks_ DEIMOS_GUARDED_BY(mutex_);
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::multiset<TaskId> operations_ DEIMOS_GUARDED_BY(mutex_);  ///< Calls under way, by who made them.
  internal::LocalMutex starting_;                               ///< Held while tasks are started; before mutex_.
  bool started_ DEIMOS_GUARDED_BY(starting_) = false;
  bool listens_ DEIMOS_GUARDED_BY(starting_) = false;
};

}  // namespace deimos
