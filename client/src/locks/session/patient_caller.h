// How one acquire() goes on when steps of it fail: until when, after which pause, and after which failures not at all.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

#include "locks/session/lock_lease.h"

namespace deimos {

/// What one acquire() asks for, whatever the kind of lock.
struct AcquireLimits {
  std::string name;
  LockLease lease;
  TimePoint deadline;     ///< For all of it.
  bool once = false;      ///< Do not wait until the lock is free.
  int max_retries = 0;    ///< As AcquireOptions.
  Duration listen_for{};  ///< The longest poll.
  std::stop_token stop;
};

/// Used by one task.
class PatientCaller {
 public:
  PatientCaller(Runtime& runtime, const LockOptions& options, AcquireLimits limits);

  [[nodiscard]] const AcquireLimits& limits() const noexcept { return limits_; }
  /// Why to give up now: cancelled, or out of time.
  [[nodiscard]] std::optional<Error> out_of_time() const;
  /// For one step.
  [[nodiscard]] Deadline step_deadline() const;
  /// Longer with every failure in a row.
  void pause(TimePoint no_later = TimePoint::max());

  // After a failed step: why to give up; or nothing, after a pause.

  [[nodiscard]] std::optional<Error> read_failed(Error error);
  [[nodiscard]] std::optional<Error> write_failed(Error error);

  void read_answered() noexcept { strange_reads_ = 0; }
  void write_answered() noexcept { strange_writes_ = 0; }
  /// What comes next goes on without the failures before it.
  void made_progress() noexcept { failures_ = 0; }
  /// The store said whether another holds the lock.
  void saw_held(bool held) noexcept { known_held_ = held; }
  /// Another holds the lock: why to give up, if that was once too often.
  [[nodiscard]] std::optional<Error> refused();

 private:
  [[nodiscard]] std::optional<Error> failed(Error error);

  Runtime& runtime_;
  const LockOptions& options_;
  const AcquireLimits limits_;
  int refusals_ = 0;
  int strange_reads_ = 0;  ///< Answers in a row that are none of a store.
  int strange_writes_ = 0;
  bool known_held_ = false;  ///< By another, when the store last said so.
  int failures_ = 0;         ///< In a row; they lengthen the pauses.
  std::optional<Error> last_error_;
};

}  // namespace deimos
