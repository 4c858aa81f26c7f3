// How it acquires, and how it lets go.
#include "mutants/breakable_locks.h"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <utility>
#include <variant>

#include "mutants/wall_clock.h"

namespace deimos::testkit::mutants {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool may_pass(const Error& error) {
  return error.code == condition::outcome_unknown || error.code == condition::retryable;
}

class BreakableHold final : public HeldLock {
 public:
  BreakableHold(BreakableLocks& locks, BreakableLocks::Owner owner,
                std::shared_ptr<BreakableLocks::Acquisition> acquisition)
      : locks_(locks),
        owner_(std::move(owner)),
        acquisition_(std::move(acquisition)),
        fencing_token_(locks.fencing_token_of(*acquisition_)) {}
  [[nodiscard]] std::uint64_t fencing_token() const override { return fencing_token_; }
  [[nodiscard]] std::stop_token lost() const override { return acquisition_->lost.get_token(); }
  [[nodiscard]] bool is_held() const override { return locks_.believes(*acquisition_); }
  [[nodiscard]] TimePoint expires_at() const override { return acquisition_->deadline; }
  Result<void> renew() override { return {}; }
  Result<Release> release() override { return locks_.release(owner_, acquisition_); }

 private:
  BreakableLocks& locks_;
  BreakableLocks::Owner owner_;
  std::shared_ptr<BreakableLocks::Acquisition> acquisition_;
  std::uint64_t fencing_token_;
};

}  // namespace

BreakableLocks::BreakableLocks(Process& process, LockOptions options, Flaws flaws)
    : process_(process), options_(std::move(options)), flaws_(flaws), store_(process.client(), flaws) {}

BreakableLocks::~BreakableLocks() = default;

std::uint64_t BreakableLocks::fencing_token_of(const Acquisition& acquisition) const {
  if (has(Flaw::no_fencing)) return 1;
  const auto inner = static_cast<std::uint64_t>(acquisition.holds - 1);
  return acquisition.fencing_token + (has(Flaw::new_token_on_reentry) ? inner : 0);
}

// Acquire.

BreakableLocks::Owner BreakableLocks::owner_of(const std::string& name, const AcquireOptions& options) const {
  if (has(Flaw::one_owner_for_all)) return {name, false, 0};
  return {name, options.owner.has_value(), options.owner.value_or(runtime().current_task())};
}

bool BreakableLocks::may_reenter(const Acquisition& acquisition) const {
  return has(Flaw::sticky_held_flag) ? !acquisition.is_released : believes(acquisition);
}

std::unique_ptr<HeldLock> BreakableLocks::hold(const Owner& owner, const std::shared_ptr<Acquisition>& acquisition) {
  return std::make_unique<BreakableHold>(*this, owner, acquisition);
}

std::string BreakableLocks::new_token() {
  if (has(Flaw::token_of_the_host)) return "host";
  if (has(Flaw::one_token_for_ever)) return options_.owner;
  return options_.owner + ":" + std::to_string(runtime().random());
}

Result<std::unique_ptr<HeldLock>> BreakableLocks::acquire(const std::string& name, const AcquireOptions& options,
                                                          std::stop_token stop) {
  const Owner owner = owner_of(name, options);
  if (const auto known = current_.find(owner); known != current_.end() && may_reenter(*known->second)) {
    ++known->second->holds;
    if (has(Flaw::reentry_ends_renewal)) known->second->renewals.front()->request_stop();
    return hold(owner, known->second);
  }
  Attempt attempt;
  attempt.key = options_.prefix + "/" + name;
  attempt.token = new_token();
  attempt.once = options.wait == Duration::zero();
  attempt.began = runtime().now();
  attempt.until = saturating_add(attempt.began, attempt.once ? options_.request_timeout : options.wait);
  attempt.stop = std::move(stop);
  const Result<std::uint64_t> granted = contend(attempt);
  if (!granted) {
    if (attempt.unclear && !has(Flaw::cancel_leaves_key)) {
      clean_later(attempt.key, has(Flaw::wrong_token_in_rollback) ? attempt.key : attempt.token);
    }
    return tl::unexpected<Error>(granted.error());
  }
  const auto acquisition = begin(owner, attempt, *granted);
  acquisition->on_lost = options.on_lost;
  if (has(Flaw::cancelled_is_success) && attempt.stop.stop_requested())
    (void)store_.release(attempt.key, attempt.token, step_deadline(TimePoint::max()));
  return hold(owner, acquisition);
}

std::shared_ptr<BreakableLocks::Acquisition> BreakableLocks::begin(const Owner& owner, const Attempt& attempt,
                                                                   std::uint64_t granted) {
  auto acquisition = std::make_shared<Acquisition>();
  acquisition->key = attempt.key;
  acquisition->token = attempt.token;
  acquisition->fencing_token = granted;
  acquisition->revision = granted;
  acquisition->deadline = deadline_as_the_store_says(attempt.key, deadline_from(attempt.sent));
  acquisition->asked_until = attempt.until;
  acquisition->holds = 1;
  const bool renewed =
      !has(Flaw::never_renews) && !(has(Flaw::second_acquisition_not_renewed) && !had_before_.insert(owner).second);
  if (renewed) start_renewal(acquisition);
  if (renewed && has(Flaw::two_renewal_loops)) start_renewal(acquisition);
  current_[owner] = acquisition;
  last_[std::get<0>(owner)] = acquisition;
  return acquisition;
}

Result<std::uint64_t> BreakableLocks::contend(Attempt& attempt) {
  if (has(Flaw::never_again_after_loss) && lost_something_) {
    runtime().sleep_until(attempt.until, attempt.stop);
    return fail(errc::lock_timeout, "does not stand again");
  }
  for (;;) {
    if (attempt.stop.stop_requested()) return fail(errc::cancelled, "cancelled");
    if (runtime().now() >= attempt.until) return fail(errc::lock_timeout, "not free in time");
    const bool first = attempt.sent == TimePoint();
    if (first || !has(Flaw::deadline_from_first_attempt)) attempt.sent = runtime().now();
    const Result<std::uint64_t> token = try_once(attempt);
    if (!token) return token;
    const bool in_time = runtime().now() < deadline_from(attempt.sent) || has(Flaw::late_grant_counts) ||
                         has(Flaw::deadline_from_first_attempt);
    if (*token != 0 && in_time) return token;
    if (attempt.once) return fail(errc::lock_already_held, "held by another");
    const Result<std::uint64_t> taken = wait_for_turn(attempt);
    if (!taken || *taken != 0) return taken;
  }
}

Result<std::uint64_t> BreakableLocks::try_once(Attempt& attempt) {
  if (has(Flaw::unclear_create_is_failure)) attempt.token = new_token();
  const std::stop_token stop = has(Flaw::cancelled_is_success) ? std::stop_token() : attempt.stop;
  const auto answer = store_.acquire(attempt.key, attempt.token, ttl(), step_deadline(attempt.until, stop));
  if (!answer) {
    if (!may_pass(answer.error())) return tl::unexpected<Error>(answer.error());
    return resolve(attempt, answer.error());
  }
  const auto* grant = std::get_if<Granted>(&*answer);
  if (grant == nullptr && has(Flaw::loses_error_codes)) return fail(errc::protocol_error, "not JSON");
  if (grant == nullptr) return 0;
  attempt.unclear = true;
  return grant->fencing_token;
}

std::uint64_t BreakableLocks::resolve(Attempt& attempt, const Error& error) {
  const bool unclear = error.code == condition::outcome_unknown;
  attempt.unclear = attempt.unclear || unclear;
  pause(attempt);
  if (!unclear || has(Flaw::blind_retry) || has(Flaw::unclear_create_is_failure)) return 0;
  attempt.sent = runtime().now();
  std::uint64_t revision = 0;
  const auto renewed = renew(attempt.key, attempt.token, revision, step_deadline(attempt.until, attempt.stop));
  return renewed ? renewed->fencing_token : 0;
}

void BreakableLocks::pause(const Attempt& attempt) {
  runtime().sleep_until(std::min(runtime().now() + milliseconds(200), attempt.until), attempt.stop);
}

Result<std::uint64_t> BreakableLocks::wait_for_turn(Attempt& attempt) {
  const auto seen = store_.inspect(attempt.key, step_deadline(attempt.until, attempt.stop));
  if (!seen) {
    pause(attempt);
    return 0;
  }
  if (!seen->record && !has(Flaw::waits_for_what_is_gone)) return 0;
  const bool knows_itself = !has(Flaw::blind_retry) && !has(Flaw::unclear_create_is_failure);
  if (seen->record && seen->record->token == attempt.token && knows_itself) {
    (void)store_.release(attempt.key, attempt.token, step_deadline(attempt.until, attempt.stop));
    return 0;
  }
  if (seen->record) {
    const Result<std::uint64_t> taken = take_by_own_judgement(attempt, *seen->record);
    if (!taken || *taken != 0) return taken;
  }
  if (has(Flaw::never_pauses)) return 0;
  const bool listens_for_ever = has(Flaw::waits_for_what_is_gone);
  const TimePoint look = std::min(saturating_add(runtime().now(), options_.poll_interval), attempt.until);
  const auto change =
      store_.wait_for_change(attempt.key, seen->revision + 1, {listens_for_ever ? attempt.until : look, attempt.stop});
  if (!change) pause(attempt);
  if (has(Flaw::event_is_a_grant) && change && *change && (*change)->released) return take(attempt);
  return 0;
}

/// What a waiter takes without having been told that it is free.
Result<std::uint64_t> BreakableLocks::take_by_own_judgement(Attempt& attempt, const LockRecord& record) {
  const TimePoint now = runtime().now();
  const bool held_for_a_ttl = has(Flaw::takes_what_was_held_for_a_ttl) && now - attempt.began > options_.ttl;
  const bool own_ttl = has(Flaw::judges_by_its_own_ttl) && now - attempt.began > seconds(2);
  const bool expired = has(Flaw::trusts_timestamps) && record.expires && instant_by_wall_clock(*record.expires) <= now;
  return held_for_a_ttl || own_ttl || expired ? take(attempt) : Result<std::uint64_t>(0);
}

Result<std::uint64_t> BreakableLocks::take(Attempt& attempt) {
  attempt.sent = runtime().now();
  const auto taken = store_.overwrite(attempt.key, attempt.token, ttl(), step_deadline(attempt.until, attempt.stop));
  return taken ? taken->fencing_token : 0;
}

// Ends.

std::shared_ptr<BreakableLocks::Acquisition> BreakableLocks::counted(const Owner& owner,
                                                                     const std::shared_ptr<Acquisition>& own) const {
  if (has(Flaw::release_by_name)) return last_.at(std::get<0>(owner));
  const auto known = current_.find(owner);
  return has(Flaw::count_survives_loss) && known != current_.end() ? known->second : own;
}

Result<Release> BreakableLocks::release(const Owner& owner, const std::shared_ptr<Acquisition>& own) {
  const std::shared_ptr<Acquisition> acquisition = counted(owner, own);
  if (has(Flaw::unlock_twice_frees_another) && own->is_released) return free_again(*own);
  if (!believes(*acquisition)) return tl::unexpected<Error>(fail(errc::lock_expired, "not held any more").value());
  --acquisition->holds;
  if (acquisition->holds > 0 && !has(Flaw::inner_unlock_frees)) return Release::nested;
  return free(acquisition);
}

Result<Release> BreakableLocks::free(const std::shared_ptr<Acquisition>& acquisition) {
  acquisition->is_released = true;
  const bool renewal_goes_on =
      has(Flaw::renewal_outlives_unlock) || has(Flaw::own_unlock_is_loss) || has(Flaw::renews_after_failed_unlock);
  if (!renewal_goes_on) {
    for (Task* const renewal : acquisition->renewals) renewal->request_stop();
  }
  const TimePoint by = has(Flaw::release_by_deadline_of_acquire) ? acquisition->asked_until : TimePoint::max();
  const auto released = store_.release(acquisition->key, acquisition->token, step_deadline(by));
  if (released) {
    if (has(Flaw::renews_after_failed_unlock)) acquisition->renewals.front()->request_stop();
    return Release::freed;
  }
  if (has(Flaw::release_throws) && std::uncaught_exceptions() == 0)
    throw std::runtime_error(released.error().describe());
  if (released.error().code == errc::lock_not_held) return tl::unexpected<Error>(released.error());
  const bool forgets = has(Flaw::forgets_before_it_is_confirmed) || has(Flaw::release_by_deadline_of_acquire) ||
                       has(Flaw::renews_after_failed_unlock);
  if (!forgets) clean_later(acquisition->key, acquisition->token);
  return Release::in_background;
}

/// Whoever has it by now.
Result<Release> BreakableLocks::free_again(const Acquisition& acquisition) {
  const Deadline until = step_deadline(TimePoint::max());
  const auto seen = store_.inspect(acquisition.key, until);
  if (seen && seen->record) (void)store_.release(acquisition.key, seen->record->token, until);
  return Release::freed;
}

void BreakableLocks::clean_later(const std::string& key, const std::string& token) {
  if (closed_) return;
  const TimePoint until = runtime().now() + options_.ttl + 2 * options_.request_timeout;
  tasks_.push_back(runtime().spawn("lock cleaner", [this, key, token, until](const std::stop_token& stop) {
    while (!stop.stop_requested() && runtime().now() < until) {
      if (has(Flaw::cleans_up_whatever_is_there)) {
        (void)store_.remove(key, step_deadline(until, stop));
      } else {
        (void)store_.release(key, token, step_deadline(until, stop));
      }
      if (has(Flaw::cleans_up_once)) return;
      runtime().sleep_for(seconds(2), stop);
    }
  }));
}

void BreakableLocks::close() noexcept {
  closed_ = true;
  tasks_.clear();
  current_.clear();
  last_.clear();
}

}  // namespace deimos::testkit::mutants
