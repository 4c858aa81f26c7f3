// One acquire() of a lock that is a queue: takes a place at its end, waits for those ahead, and goes in when its turn
// has come. Its place is renewed and watched by the session from the start; if it is lost, it lines up again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <deimos/lock_backend.h>
#include <deimos/runtime.h>

#include "locks/queue/admission.h"
#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_session.h"
#include "locks/session/patient_caller.h"

namespace deimos {

/// What is wanted of which queue.
struct QueueRequest {
  std::string name;
  std::string queue;  ///< Its directory.
  LockValue value;    ///< What to write; the token is the acquirer's.
  int permits = 1;    ///< A semaphore's: how many there are, as the code says.
};

/// Used by one task.
class QueueAcquirer {
 public:
  /// `user` hears of the end of the lease, once it is held.
  QueueAcquirer(LockSession& session, QueueRequest request, AcquireLimits limits,
                LockAcquisition::AcquisitionOptions wishes, std::shared_ptr<LeaseUser> user);

  /// What it returns is held. If it fails, it has left the queue: what it could not undo is done in the background.
  [[nodiscard]] Result<std::shared_ptr<LockAcquisition>> wait_for_turn();

 private:
  enum class Step { line_up, find, look, write_limit, listen, granted, failed };

  [[nodiscard]] Step next(Step step);
  [[nodiscard]] Step line_up();
  /// Looks for the place that an unclear line_up() may have taken.
  [[nodiscard]] Step find();
  [[nodiscard]] Step look();
  [[nodiscard]] Step judge(const LockQueue& queue);
  [[nodiscard]] Step write_limit();
  [[nodiscard]] Step go_in(const LockQueue& queue, std::size_t mine);
  [[nodiscard]] Step wait_for(const LockQueue& queue, const QueueVerdict& verdict, std::size_t mine);
  [[nodiscard]] Step evict(const LockRecord& expired);
  [[nodiscard]] Step listen();

  [[nodiscard]] Result<LockQueue> read();
  /// Has a place from now on, whose lease counts from `sent`.
  [[nodiscard]] Step placed(const LockRecord& place, TimePoint sent);
  [[nodiscard]] Step place_lost();
  [[nodiscard]] Step failed_read(Error error, Step again);
  [[nodiscard]] Step fail_with(Error error);
  void forget_unclear();
  /// When a lease is over of which so much is left.
  [[nodiscard]] TimePoint over_at(std::chrono::seconds ttl_left) const;
  /// How many permits there are; none if there is no agreement about it.
  [[nodiscard]] std::optional<int> permits_in(const LockQueue& queue);
  void plan_look();
  [[nodiscard]] bool matters(const Change& change) const;

  LockSession& session_;
  Runtime& runtime_;
  LockBackend& backend_;
  const QueueRequest request_;
  const LockLease lease_;
  const LockAcquisition::AcquisitionOptions wishes_;
  const std::shared_ptr<LeaseUser> user_;
  PatientCaller caller_;

  /// A place that was asked for, and not heard of.
  struct Unclear {
    std::string token;
    std::string text;
    TimePoint sent;
  };
  std::optional<Unclear> unclear_;
  std::shared_ptr<LockAcquisition> place_;
  std::string awaited_;            ///< The key of the place ahead that is waited for; empty: anything in the queue.
  std::uint64_t listen_from_ = 0;  ///< The revision to wait from.
  TimePoint look_at_;              ///< When to stop listening and look.
  std::map<std::string, TimePoint> over_at_;  ///< When the leases of those ahead are over, by their keys.
  int cleared_ = 0;                           ///< Watches in a row that found the history gone.
  Error error_;                               ///< Why it failed.
};

}  // namespace deimos
