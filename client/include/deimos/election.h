// Leader election: of all who campaign under one name, one leads at a time, in the order in which they came.
//
// Leadership is a lock that is held: it has a fencing token, it is lost when its lease ends, and whoever leads may say
// something that everybody can read, such as where it can be reached.
//
//   election.run_while_leader([&](std::stop_token stop) { while (!stop.stop_requested()) do_a_round(); }, stop);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/leader.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

namespace deimos {

/// One term of leading, for as long as the object lives: resigns when destroyed. Move-only; the const members may be
/// called from several tasks at once.
class DEIMOS_EXPORT Leadership {
 public:
  /// As Hold::fencing_token(): hand it to whatever the leader writes to.
  [[nodiscard]] std::uint64_t fencing_token() const noexcept { return hold_.fencing_token(); }
  /// As Hold::lost(). Whoever works as a leader must stop then; another may lead from Hold::expires_at() on.
  [[nodiscard]] std::stop_token lost() const noexcept { return hold_.lost(); }
  /// As Hold::is_held().
  [[nodiscard]] bool is_leader() const { return hold_.is_held(); }
  [[nodiscard]] TimePoint expires_at() const { return hold_.expires_at(); }
  /// The lock behind it: to renew it by hand or to stop renewing it, to hear that somebody asks for it back.
  [[nodiscard]] const Hold& hold() const noexcept { return hold_; }

  /// Says something else from now on; UTF-8, at most 2 KiB. Blocks at most for LockOptions::request_timeout.
  /// errc::lock_expired, lock_not_held: it does not lead any more. Anything else: whether it can be read already is
  /// unclear; it will be with the next renewal.
  Result<void> proclaim(std::string_view message, std::stop_token stop = {}) const;
  /// As Hold::release(). Stop the work first.
  Result<Release> resign() { return hold_.release(); }

 private:
  friend class Election;
  explicit Leadership(Hold hold, std::shared_ptr<LocalLock> lock, std::shared_ptr<LockAcquisition> acquisition);

  Hold hold_;
  std::shared_ptr<LocalLock> lock_;
  std::shared_ptr<LockAcquisition> acquisition_;
};

/// A cheap handle, made by LockManager::election(). Thread-safe. Of one process one owner at a time is in the store's
/// line; an owner that leads already and campaigns again leads once more (AcquireOptions::reentrant).
class DEIMOS_EXPORT Election {
 public:
  /// Waits to lead, and says `message` (UTF-8, at most 2 KiB) when it does. Fails as Mutex::acquire().
  [[nodiscard]] Result<Leadership> campaign(std::string_view message = {}, const AcquireOptions& options = {},
                                            std::stop_token stop = {}) const;
  /// Campaigns; calls `work` while it leads; when `work` returns, resigns. The stop_token of `work` is triggered when
  /// the leadership is lost, and when `stop` is: `work` must return then, and only afterwards is anything resigned. If
  /// it was lost, it campaigns again; so it returns, without an error, when `work` returned as a leader whom nobody had
  /// stopped, else with errc::cancelled (`stop` was triggered), or why campaign() failed. An exception of `work`
  /// passes through, after it has resigned.
  Result<void> run_while_leader(const std::function<void(std::stop_token)>& work, std::stop_token stop,
                                std::string_view message = {}) const;

  /// Who leads right now; none if nobody does. (Whose turn it is: that one may still be about to learn of it.) Blocks
  /// at most for LockOptions::request_timeout.
  [[nodiscard]] Result<std::optional<Leader>> leader(std::stop_token stop = {}) const;
  /// Calls back on the calling task with who leads (none: nobody does), now and after every change of leader or
  /// message, without campaigning. Changes that follow each other quickly may be told as one. Blocks until `stop` is
  /// triggered (errc::cancelled), the manager is closed (errc::closed), or the store says that this is no election.
  Result<void> observe(const std::function<void(const std::optional<Leader>&)>& on_change, std::stop_token stop) const;
  [[nodiscard]] const std::string& name() const noexcept;

 private:
  friend class LockManager;
  Election(std::string name, Result<std::shared_ptr<LocalLock>> state);

  std::string name_;
  Result<std::shared_ptr<LocalLock>> state_;
};

}  // namespace deimos
