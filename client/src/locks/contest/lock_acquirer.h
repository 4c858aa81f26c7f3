// One acquire() against the store: tries, resolves what is unclear, waits for a release, takes over what nobody holds
// any more. Keeps one token over all its attempts, so that a create whose answer was lost is recognised later.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

#include "locks/session/lock_acquisition.h"
#include "locks/session/lock_lease.h"
#include "locks/session/patient_caller.h"

namespace deimos {

/// Used by one task.
class LockAcquirer {
 public:
  LockAcquirer(Runtime& runtime, LockBackend& backend, const LockOptions& options, std::string key, std::string token,
               AcquireLimits limits);

  /// If it fails, may_have_written() says whether something is to be cleaned up.
  [[nodiscard]] Result<LockGrant> contend();
  [[nodiscard]] bool may_have_written() const noexcept { return written_ || residue_.unresolved > 0; }
  /// Our record was seen in the store.
  [[nodiscard]] bool has_written() const noexcept { return written_; }
  [[nodiscard]] const InDoubtWrites& residue() const noexcept { return residue_; }

 private:
  enum class Step { create, look, take_over, confirm, listen, granted, failed };

  [[nodiscard]] Step create();
  [[nodiscard]] Step look();
  [[nodiscard]] Step judge(const Inspection& seen);
  [[nodiscard]] Step take_over();
  [[nodiscard]] Step confirm();
  [[nodiscard]] Step listen();

  [[nodiscard]] Step granted(TimePoint sent, const Granted& grant);
  /// After a failed step: `again` after a pause if it may succeed then.
  [[nodiscard]] Step failed_read(Error error, Step again);
  [[nodiscard]] Step failed_write(Error error, Step again);
  [[nodiscard]] Step fail_with(Error error);
  void plan_look(std::optional<std::chrono::seconds> ttl_left, bool has_lease);

  Runtime& runtime_;
  LockBackend& backend_;
  const LockOptions& options_;
  const std::string key_;
  const std::string token_;
  const LockLease lease_;
  PatientCaller caller_;

  InDoubtWrites residue_;
  bool written_ = false;
  std::uint64_t revision_ = 0;         ///< Of our record, as it was seen; to be confirmed.
  std::optional<LockRecord> expired_;  ///< To be taken over.
  std::uint64_t listen_from_ = 0;      ///< The revision to wait from; 0 before the first look.
  TimePoint look_at_;                  ///< When to stop listening and look.
  int vanished_ = 0;                   ///< Looks in a row that found nothing after a refusal.
  int cleared_ = 0;  ///< Watches in a row that found the history gone, though it was asked for a moment before.
  LockGrant grant_;
  Error error_;  ///< Why it failed.
};

}  // namespace deimos
