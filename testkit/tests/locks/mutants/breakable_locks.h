// A small lock client that is right, and can be broken in any of its steps: the ground of mutants that break a client's
// state machine. One task renews each acquisition, and one cleans up after each that may have left something.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <deimos/testkit/lock_client.h>
#include <deimos/testkit/process.h>

#include "mutants/breakable_store.h"
#include "mutants/flaw.h"

namespace deimos::testkit::mutants {

class BreakableLocks final : public LockClient {
 public:
  /// One grant of one lock to one owner.
  struct Acquisition {
    std::string key;
    std::string token;
    std::uint64_t fencing_token = 0;
    std::uint64_t revision = 0;  ///< Of the record; 0: to be read.
    TimePoint deadline;
    TimePoint asked_until;  ///< The deadline of the acquire.
    int holds = 0;
    bool is_lost = false;
    bool is_released = false;
    std::stop_source lost;
    std::function<void(const Error&)> on_lost;
    std::vector<Task*> renewals;  ///< Kept by BreakableLocks until it is closed.
  };
  using Owner = std::tuple<std::string, bool, std::uint64_t>;  ///< The lock's name; whether named, and who.

  BreakableLocks(Process& process, LockOptions options, Flaws flaws);
  ~BreakableLocks() override;

  Result<std::unique_ptr<HeldLock>> acquire(const std::string& name, const AcquireOptions& options,
                                            std::stop_token stop) override;
  void close() noexcept override;
  Result<Release> release(const Owner& owner, const std::shared_ptr<Acquisition>& acquisition);
  /// Whether its holder may believe in it right now.
  [[nodiscard]] bool believes(const Acquisition& acquisition) const;
  /// As a hold of it says.
  [[nodiscard]] std::uint64_t fencing_token_of(const Acquisition& acquisition) const;

 private:
  struct Attempt {
    std::string key;
    std::string token;
    TimePoint until;
    std::stop_token stop;
    bool once;
    bool unclear = false;
    TimePoint began = {};
    TimePoint sent = {};
  };
  [[nodiscard]] bool has(Flaw flaw) const { return flaws_[flaw]; }
  [[nodiscard]] Runtime& runtime() const { return process_.runtime(); }

  // Acquire.
  [[nodiscard]] Owner owner_of(const std::string& name, const AcquireOptions& options) const;
  [[nodiscard]] std::unique_ptr<HeldLock> hold(const Owner& owner, const std::shared_ptr<Acquisition>& acquisition);
  [[nodiscard]] bool may_reenter(const Acquisition& acquisition) const;
  [[nodiscard]] std::string new_token();
  [[nodiscard]] std::shared_ptr<Acquisition> begin(const Owner& owner, const Attempt& attempt, std::uint64_t granted);
  [[nodiscard]] Result<std::uint64_t> contend(Attempt& attempt);
  /// One try: the token if it was granted, else 0.
  [[nodiscard]] Result<std::uint64_t> try_once(Attempt& attempt);
  /// The token of an unclear create that was applied, else 0.
  [[nodiscard]] std::uint64_t resolve(Attempt& attempt, const Error& error);
  /// Until the lock may be free; what it returns is a token if the waiter takes the lock without asking, else 0.
  [[nodiscard]] Result<std::uint64_t> wait_for_turn(Attempt& attempt);
  [[nodiscard]] Result<std::uint64_t> take_by_own_judgement(Attempt& attempt, const LockRecord& record);
  [[nodiscard]] Result<std::uint64_t> take(Attempt& attempt);
  void pause(const Attempt& attempt);

  // Leases.
  /// How long a holder may count on a lease.
  [[nodiscard]] Duration usable() const;
  [[nodiscard]] std::chrono::seconds ttl() const;
  [[nodiscard]] TimePoint deadline_from(TimePoint sent) const;
  /// The end of the lease as the store's own clock or its rounded `ttl` has it.
  [[nodiscard]] TimePoint deadline_as_the_store_says(const std::string& key, TimePoint otherwise);
  [[nodiscard]] Duration renewal_interval() const;
  [[nodiscard]] bool ends_at_deadline(const Acquisition& acquisition) const;
  void start_renewal(const std::shared_ptr<Acquisition>& acquisition);
  void renew_while_held(const std::shared_ptr<Acquisition>& acquisition, const std::stop_token& stop);
  /// Whether renewing goes on; `next` is when.
  [[nodiscard]] bool renew_once(Acquisition& acquisition, const std::stop_token& stop, TimePoint& next);
  [[nodiscard]] bool renewal_failed(Acquisition& acquisition, const Error& error);
  void extend(Acquisition& acquisition, TimePoint sent);
  /// Reads `revision` first if it is 0; it is that of the renewal afterwards, or 0 again.
  [[nodiscard]] Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t& revision,
                                      const Deadline& until);
  [[nodiscard]] Deadline step_deadline(TimePoint until, std::stop_token stop = {}) const;

  // Ends.
  [[nodiscard]] std::shared_ptr<Acquisition> counted(const Owner& owner, const std::shared_ptr<Acquisition>& own) const;
  [[nodiscard]] Result<Release> free(const std::shared_ptr<Acquisition>& acquisition);
  [[nodiscard]] Result<Release> free_again(const Acquisition& acquisition);
  void lose(Acquisition& acquisition, const Error& why);
  void tell(Acquisition& acquisition, const Error& why) const;
  void clean_later(const std::string& key, const std::string& token);

  Process& process_;
  LockOptions options_;
  const Flaws flaws_;
  BreakableStore store_;
  std::map<Owner, std::shared_ptr<Acquisition>> current_;
  std::map<std::string, std::shared_ptr<Acquisition>> last_;  ///< By the lock's name.
  std::set<Owner> had_before_;
  std::vector<std::unique_ptr<Task>> tasks_;
  bool lost_something_ = false;
  bool closed_ = false;
};

}  // namespace deimos::testkit::mutants
