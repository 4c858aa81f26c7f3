#include "plain_locks.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace deimos::testkit::mutants {
namespace {

using std::chrono::milliseconds;

Error expired() { return fail(errc::lock_expired, "the lease was not renewed in time").value(); }

bool may_pass(const Error& error) {
  return error.code == condition::outcome_unknown || error.code == condition::retryable;
}

class PlainHold final : public HeldLock {
 public:
  PlainHold(PlainLocks& locks, PlainLocks::Owner owner, std::shared_ptr<PlainLocks::Acquisition> acquisition)
      : locks_(locks),
        owner_(std::move(owner)),
        acquisition_(std::move(acquisition)),
        fencing_token_(locks.token_of(*acquisition_)) {}
  [[nodiscard]] std::uint64_t fencing_token() const override { return fencing_token_; }
  [[nodiscard]] std::stop_token lost() const override { return acquisition_->lost.get_token(); }
  [[nodiscard]] bool is_held() const override { return locks_.believes(*acquisition_); }
  [[nodiscard]] TimePoint expires_at() const override { return acquisition_->deadline; }
  Result<void> renew() override { return {}; }
  Result<Release> release() override { return locks_.release(owner_, acquisition_); }

 private:
  PlainLocks& locks_;
  PlainLocks::Owner owner_;
  std::shared_ptr<PlainLocks::Acquisition> acquisition_;
  std::uint64_t fencing_token_;
};

}  // namespace

PlainLocks::PlainLocks(Process& process, LockOptions options)
    : process_(process), options_(std::move(options)), backend_(process.client()) {}

PlainLocks::~PlainLocks() = default;

Duration PlainLocks::usable() const {
  const auto error = Duration(
      static_cast<Duration::rep>(options_.max_clock_rate_error * static_cast<double>(Duration(options_.ttl).count())));
  return std::chrono::floor<std::chrono::seconds>(options_.ttl) - options_.max_clock_skew - error;
}

Deadline PlainLocks::step_deadline(TimePoint until, std::stop_token stop) const {
  return {std::min(saturating_add(runtime().now(), options_.request_timeout), until), std::move(stop)};
}

TimePoint PlainLocks::deadline_from(TimePoint sent, TimePoint /*answered*/) const { return sent + usable(); }

bool PlainLocks::believes(const Acquisition& acquisition) const {
  return !acquisition.is_lost && !acquisition.is_released && runtime().now() < acquisition.deadline;
}

Result<std::unique_ptr<HeldLock>> PlainLocks::acquire(const std::string& name, const AcquireOptions& options,
                                                      std::stop_token stop) {
  const Owner owner{name, options.owner.has_value(), options.owner.value_or(runtime().current_task())};
  if (const auto known = current_.find(owner); known != current_.end() && may_reenter(*known->second)) {
    ++known->second->holds;
    return std::make_unique<PlainHold>(*this, owner, known->second);
  }
  Attempt attempt;
  attempt.key = options_.prefix + "/" + name;
  attempt.token = options_.owner + ":" + std::to_string(runtime().random());
  attempt.once = options.wait == Duration::zero();
  attempt.until = saturating_add(runtime().now(), attempt.once ? options_.request_timeout : options.wait);
  attempt.stop = std::move(stop);
  const Result<std::uint64_t> granted = contend(attempt);
  if (!granted) {
    if (attempt.unclear) clean_later(attempt.key, attempt.token);
    return tl::unexpected<Error>(granted.error());
  }
  auto acquisition = std::make_shared<Acquisition>();
  acquisition->key = attempt.key;
  acquisition->token = attempt.token;
  acquisition->fencing_token = *granted;
  acquisition->revision = *granted;
  acquisition->deadline = deadline_from(attempt.sent, runtime().now());
  acquisition->holds = 1;
  acquisition->on_lost = options.on_lost;
  tasks_.push_back(runtime().spawn(
      "lock renewal", [this, acquisition](const std::stop_token& end) { renew_while_held(acquisition, end); }));
  acquisition->renewal = tasks_.back().get();
  current_[owner] = acquisition;
  return std::make_unique<PlainHold>(*this, owner, acquisition);
}

Result<std::uint64_t> PlainLocks::contend(Attempt& attempt) {
  for (;;) {
    if (attempt.stop.stop_requested()) return fail(errc::cancelled, "cancelled");
    if (runtime().now() >= attempt.until) return fail(errc::lock_timeout, "not free in time");
    attempt.sent = runtime().now();
    const auto answer = backend_.acquire(attempt.key, attempt.token, ttl(), step_deadline(attempt.until, attempt.stop));
    std::uint64_t token = 0;
    if (!answer) {
      if (!may_pass(answer.error())) return tl::unexpected<Error>(answer.error());
      token = resolve(attempt, answer.error());
    } else if (const auto* grant = std::get_if<Granted>(&*answer)) {
      attempt.unclear = true;
      token = grant->fencing_token;
    }
    if (token != 0 && runtime().now() < deadline_from(attempt.sent, runtime().now())) return token;
    if (attempt.once) return fail(errc::lock_already_held, "held by another");
    if (const auto waited = wait_for_turn(attempt); !waited) return tl::unexpected<Error>(waited.error());
  }
}

std::uint64_t PlainLocks::resolve(Attempt& attempt, const Error& error) {
  const bool unclear = error.code == condition::outcome_unknown;
  attempt.unclear = attempt.unclear || unclear;
  pause(attempt);
  if (!unclear) return 0;
  attempt.sent = runtime().now();
  std::uint64_t revision = 0;
  const auto renewed = renew(attempt.key, attempt.token, revision, step_deadline(attempt.until, attempt.stop));
  return renewed ? renewed->fencing_token : 0;
}

Result<Granted> PlainLocks::renew(const std::string& key, const std::string& token, std::uint64_t& revision,
                                  const Deadline& until) {
  if (revision == 0) {
    const auto seen = backend_.inspect(key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != token) return fail(errc::lock_not_held, "gone");
    revision = seen->record->revision;
  }
  const Result<Granted> renewed = backend_.renew(key, token, revision, ttl(), until);
  revision = renewed ? renewed->fencing_token : 0;
  return renewed;
}

void PlainLocks::pause(const Attempt& attempt) {
  runtime().sleep_until(std::min(runtime().now() + milliseconds(200), attempt.until), attempt.stop);
}

/// Until the lock may be free.
Result<void> PlainLocks::wait_for_turn(Attempt& attempt) {
  const auto seen = backend_.inspect(attempt.key, step_deadline(attempt.until, attempt.stop));
  if (!seen) {
    pause(attempt);
    return {};
  }
  if (!seen->record) return {};
  if (seen->record->token == attempt.token) {
    attempt.sent = runtime().now();
    (void)backend_.release(attempt.key, attempt.token, step_deadline(attempt.until, attempt.stop));
    return {};
  }
  const TimePoint look = std::min(saturating_add(runtime().now(), options_.poll_interval), attempt.until);
  const auto change = backend_.wait_for_change(attempt.key, seen->revision + 1, {look, attempt.stop});
  if (!change) pause(attempt);
  return {};
}

void PlainLocks::renew_while_held(const std::shared_ptr<Acquisition>& acquisition, const std::stop_token& stop) {
  TimePoint next = runtime().now() + usable() / 3;
  while (!stop.stop_requested()) {
    const TimePoint wake = gives_up_at_deadline() ? std::min(next, acquisition->deadline) : next;
    if (!runtime().sleep_until(wake, stop)) return;
    if (gives_up_at_deadline() && runtime().now() >= acquisition->deadline) return lose(*acquisition, expired());
    const TimePoint sent = runtime().now();
    const TimePoint until = gives_up_at_deadline() ? acquisition->deadline : TimePoint::max();
    const TimePoint patience = std::min(until, sent + usable() / 5);
    const auto renewed = renew(acquisition->key, acquisition->token, acquisition->revision, {patience, stop});
    if (stop.stop_requested() || acquisition->is_released) return;
    if (renewed) {
      if (gives_up_at_deadline() && runtime().now() >= acquisition->deadline) return lose(*acquisition, expired());
      acquisition->deadline = std::max(acquisition->deadline, deadline_from(sent, runtime().now()));
      next = sent + usable() / 3;
    } else if (renewed.error().code == errc::lock_not_held) {
      return lose(*acquisition, renewed.error());
    } else {
      if (!goes_on_renewing_after(renewed.error())) return;
      next = runtime().now() + milliseconds(200);
    }
  }
}

void PlainLocks::lose(Acquisition& acquisition, const Error& why) {
  if (acquisition.is_lost || acquisition.is_released) return;
  acquisition.is_lost = true;
  tell(acquisition, why);
  if (why.code == errc::lock_expired) clean_later(acquisition.key, acquisition.token);
}

void PlainLocks::tell(Acquisition& acquisition, const Error& why) const {
  acquisition.lost.request_stop();
  if (acquisition.on_lost) acquisition.on_lost(why);
}

Result<Release> PlainLocks::release(const Owner& owner, const std::shared_ptr<Acquisition>& own) {
  const std::shared_ptr<Acquisition> acquisition = counted(owner, own);
  if (!believes(*acquisition)) return tl::unexpected<Error>(expired());
  --acquisition->holds;
  if (!frees(*acquisition)) return Release::nested;
  acquisition->is_released = true;
  acquisition->renewal->request_stop();
  const auto released = backend_.release(acquisition->key, acquisition->token, step_deadline(TimePoint::max()));
  if (released) return Release::freed;
  if (released.error().code == errc::lock_not_held) return tl::unexpected<Error>(released.error());
  clean_later(acquisition->key, acquisition->token);
  return Release::in_background;
}

void PlainLocks::clean_later(const std::string& key, const std::string& token) {
  if (!cleans_up() || closed_) return;
  const TimePoint until = runtime().now() + options_.ttl + 2 * options_.request_timeout;
  tasks_.push_back(runtime().spawn("lock cleaner", [this, key, token, until](const std::stop_token& stop) {
    while (!stop.stop_requested() && runtime().now() < until) {
      (void)backend_.release(key, token, step_deadline(until, stop));
      runtime().sleep_for(std::chrono::seconds(2), stop);
    }
  }));
}

void PlainLocks::close() noexcept {
  closed_ = true;
  tasks_.clear();
  current_.clear();
}

}  // namespace deimos::testkit::mutants
