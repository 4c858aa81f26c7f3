#include "mutants/queue_locks.h"

#include <algorithm>
#include <utility>

namespace deimos::testkit::mutants {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class QueueHold final : public HeldLock {
 public:
  QueueHold(QueueLocks& locks, std::shared_ptr<QueueLocks::Place> place) : locks_(locks), place_(std::move(place)) {}
  [[nodiscard]] std::uint64_t fencing_token() const override { return place_->record.created_revision; }
  [[nodiscard]] std::stop_token lost() const override { return place_->lost.get_token(); }
  [[nodiscard]] bool is_held() const override { return locks_.believes(*place_); }
  [[nodiscard]] TimePoint expires_at() const override { return place_->deadline; }
  Result<void> renew() override { return {}; }
  Result<Release> release() override { return locks_.release(place_); }

 private:
  QueueLocks& locks_;
  std::shared_ptr<QueueLocks::Place> place_;
};

}  // namespace

QueueLocks::QueueLocks(Process& process, LockOptions options, Flaws flaws)
    : process_(process), options_(std::move(options)), flaws_(flaws), store_(process.client()) {}

QueueLocks::~QueueLocks() = default;

Duration QueueLocks::usable() const {
  const auto error = Duration(
      static_cast<Duration::rep>(options_.max_clock_rate_error * static_cast<double>(Duration(options_.ttl).count())));
  return std::chrono::floor<seconds>(options_.ttl) - options_.max_clock_skew - error;
}

Deadline QueueLocks::step_deadline(const Deadline& until) const {
  return {std::min(saturating_add(runtime().now(), options_.request_timeout), until.at), until.stop};
}

bool QueueLocks::believes(const Place& place) const {
  return place.is_granted && !place.is_over && runtime().now() < place.deadline;
}

void QueueLocks::pause(const Attempt& attempt) {
  runtime().sleep_until(std::min(runtime().now() + milliseconds(200), attempt.until.at), attempt.until.stop);
}

Result<std::unique_ptr<HeldLock>> QueueLocks::acquire(const std::string& name, const AcquireOptions& options,
                                                      std::stop_token stop) {
  const Owner owner{name, options.owner.has_value(), options.owner.value_or(runtime().current_task())};
  if (const auto known = current_.find(owner); known != current_.end() && believes(*known->second)) {
    ++known->second->holds;
    return std::make_unique<QueueHold>(*this, known->second);
  }
  Attempt attempt;
  attempt.queue = options_.prefix + "/" + name;
  attempt.once = options.wait == Duration::zero();
  attempt.began = runtime().now();
  attempt.until = {saturating_add(attempt.began, attempt.once ? options_.request_timeout : options.wait),
                   std::move(stop)};
  Result<void> granted = line_up(attempt);
  if (granted) granted = wait_for_turn(attempt);
  if (!granted) {
    const bool forgets = attempt.once && has(Flaw::failed_try_leaves_place);
    if (attempt.place && !forgets) leave(attempt.place);
    return tl::unexpected<Error>(granted.error());
  }
  Place& place = *attempt.place;
  place.is_granted = true;
  place.holds = 1;
  place.on_lost = options.on_lost;
  const bool begins_now = has(Flaw::dies_while_queued) || has(Flaw::place_without_lease);
  if (begins_now || has(Flaw::lost_place_is_a_turn)) place.deadline = runtime().now() + usable();
  if (begins_now) keep(attempt.place);
  current_[owner] = attempt.place;
  return std::make_unique<QueueHold>(*this, attempt.place);
}

// The queue.

Result<LockRecord> QueueLocks::enqueue(const Attempt& attempt, const std::string& token) {
  const auto ttl = std::chrono::ceil<seconds>(options_.ttl);
  const Deadline until = step_deadline(attempt.until);
  if (!has(Flaw::place_without_lease)) return store_.enqueue(attempt.queue, token, ttl, until);
  const auto placed = process_.client().create_in_order(attempt.queue, token, {}, until.stop);
  if (!placed) return tl::unexpected<Error>(placed.error());
  LockRecord record;
  record.key = placed->node.key;
  record.token = token;
  record.created_revision = placed->node.created_index;
  record.revision = placed->node.modified_index;
  return record;
}

std::optional<LockRecord> QueueLocks::find(const std::string& queue, const std::string& token, const Deadline& until) {
  const auto listing = store_.places(queue, until);
  if (!listing) return std::nullopt;
  const auto mine = std::ranges::find(listing->records, token, &LockRecord::token);
  return mine == listing->records.end() ? std::nullopt : std::optional(*mine);
}

Result<void> QueueLocks::line_up(Attempt& attempt) {
  for (;;) {
    if (attempt.until.stop.stop_requested()) return fail(errc::cancelled, "cancelled");
    if (runtime().now() >= attempt.until.at) return fail(errc::lock_timeout, "no place in time");
    const TimePoint sent = runtime().now();
    const std::string token = options_.owner + ":" + std::to_string(runtime().random());
    const Result<LockRecord> placed = enqueue(attempt, token);
    if (placed) {
      attempt.place = std::make_shared<Place>();
      attempt.place->queue = attempt.queue;
      attempt.place->record = *placed;
      attempt.place->deadline = sent + usable();
      if (!has(Flaw::dies_while_queued) && !has(Flaw::place_without_lease)) keep(attempt.place);
      return {};
    }
    const bool unclear = placed.error().code == condition::outcome_unknown;
    if (unclear && !has(Flaw::two_places)) clean_later(attempt.queue, token);
    if (!unclear && placed.error().code != condition::retryable) return tl::unexpected<Error>(placed.error());
    pause(attempt);
  }
}

Result<void> QueueLocks::wait_for_turn(Attempt& attempt) {
  for (;;) {
    if (attempt.until.stop.stop_requested()) return fail(errc::cancelled, "cancelled");
    if (runtime().now() >= attempt.until.at) return fail(errc::lock_timeout, "not free in time");
    auto listing = store_.places(attempt.queue, step_deadline(attempt.until));
    if (!listing) {
      pause(attempt);
      continue;
    }
    std::vector<LockRecord>& records = listing->records;
    if (has(Flaw::order_of_text)) std::ranges::sort(records, {}, &LockRecord::key);
    const auto mine = std::ranges::find(records, attempt.place->record.key, &LockRecord::key);
    if (mine == records.end()) {
      const Result<bool> turn = without_place(attempt, *listing);
      if (!turn) return tl::unexpected<Error>(turn.error());
      if (*turn) return {};
      continue;
    }
    const bool alive =
        runtime().now() < attempt.place->deadline || has(Flaw::place_without_lease) || has(Flaw::dies_while_queued);
    if (mine == records.begin() && alive) return {};
    if (attempt.once) return fail(errc::lock_already_held, "others are before it");
    if (mine == records.begin()) {
      pause(attempt);
    } else if (listen(attempt, *listing, *std::prev(mine))) {
      return {};
    }
  }
}

Result<bool> QueueLocks::without_place(Attempt& attempt, const Listing& listing) {
  if (has(Flaw::lost_place_is_a_turn) || has(Flaw::dies_while_queued)) {
    const bool first = std::ranges::none_of(listing.records, [&](const LockRecord& other) {
      return other.created_revision < attempt.place->record.created_revision;
    });
    if (first) return true;
    pause(attempt);
    return false;
  }
  if (has(Flaw::evicts_who_waits_long)) {
    runtime().sleep_until(attempt.until.at, attempt.until.stop);
    return false;
  }
  leave(attempt.place);
  if (const Result<void> again = line_up(attempt); !again) return tl::unexpected<Error>(again.error());
  return false;
}

bool QueueLocks::listen(const Attempt& attempt, const Listing& listing, const LockRecord& before) {
  const bool waiter = &before != &listing.records.front();
  if (has(Flaw::evicts_who_waits_long) && waiter && runtime().now() - attempt.began > seconds(3))
    (void)store_.force_release(before, step_deadline(attempt.until));
  const TimePoint look = std::min(saturating_add(runtime().now(), options_.poll_interval), attempt.until.at);
  Deadline until{look, attempt.until.stop};
  std::uint64_t from = listing.revision + 1;
  if (has(Flaw::watches_who_has_left)) {
    until.at = attempt.until.at;
    from = 0;
  }
  const auto change = has(Flaw::everybody_wakes) ? store_.wait_for_any_change(attempt.queue, from, until)
                                                 : store_.wait_for_change(before.key, from, until);
  if (!change) pause(attempt);
  return has(Flaw::next_is_a_turn) && change && *change && (*change)->released;
}

// Leases.

void QueueLocks::keep(const std::shared_ptr<Place>& place) {
  tasks_.push_back(
      runtime().spawn("lock keeper", [this, place](const std::stop_token& stop) { keep_alive(*place, stop); }));
  place->keeper = tasks_.back().get();
}

void QueueLocks::keep_alive(Place& place, const std::stop_token& stop) {
  const Duration interval = options_.renewal_interval > Duration::zero() ? options_.renewal_interval : usable() / 3;
  TimePoint next = runtime().now() + interval;
  std::uint64_t revision = place.record.revision;
  while (!stop.stop_requested() && !place.is_over) {
    if (!runtime().sleep_until(std::min(next, place.deadline), stop)) return;
    const TimePoint sent = runtime().now();
    if (place.is_over) return;
    if (sent >= place.deadline) return lose(place, fail(errc::lock_expired, "not renewed in time").value());
    const Deadline until{std::min(place.deadline, sent + usable() / 5), stop};
    if (revision == 0) {
      const auto seen = store_.inspect(place.record.key, until);
      if (seen && (!seen->record || seen->record->token != place.record.token))
        return lose(place, fail(errc::lock_not_held, "gone").value());
      if (seen) revision = seen->record->revision;
    }
    next = runtime().now() + milliseconds(200);
    if (revision == 0) continue;
    const auto renewed =
        store_.renew(place.record.key, place.record.token, revision, std::chrono::ceil<seconds>(options_.ttl), until);
    revision = renewed ? renewed->fencing_token : 0;
    if (stop.stop_requested() || place.is_over) return;
    if (!renewed && renewed.error().code == errc::lock_not_held) return lose(place, renewed.error());
    if (!renewed) continue;
    if (runtime().now() >= place.deadline) return lose(place, fail(errc::lock_expired, "late").value());
    place.deadline = std::max(place.deadline, sent + usable());
    next = sent + interval;
  }
}

void QueueLocks::lose(Place& place, const Error& why) {
  if (place.is_over || !place.is_granted) return;
  place.is_over = true;
  place.lost.request_stop();
  if (place.on_lost) place.on_lost(why);
  if (why.code == errc::lock_expired) clean_later(place.queue, place.record.token);
}

// Ends.

Result<Release> QueueLocks::release(const std::shared_ptr<Place>& place) {
  if (!believes(*place)) return tl::unexpected<Error>(fail(errc::lock_expired, "not held any more").value());
  if (--place->holds > 0) return Release::nested;
  place->is_over = true;
  if (place->keeper != nullptr) place->keeper->request_stop();
  const auto released = store_.release(place->record.key, place->record.token, step_deadline({TimePoint::max()}));
  if (released) return Release::freed;
  if (released.error().code == errc::lock_not_held) return tl::unexpected<Error>(released.error());
  clean_later(place->queue, place->record.token);
  return Release::in_background;
}

void QueueLocks::leave(const std::shared_ptr<Place>& place) {
  place->is_over = true;
  if (place->keeper != nullptr) place->keeper->request_stop();
  clean_later(place->queue, place->record.token);
}

void QueueLocks::clean_later(const std::string& queue, const std::string& token) {
  if (closed_) return;
  const TimePoint until = runtime().now() + options_.ttl + 2 * options_.request_timeout;
  tasks_.push_back(runtime().spawn("lock cleaner", [this, queue, token, until](const std::stop_token& stop) {
    while (!stop.stop_requested() && runtime().now() < until) {
      const auto record = find(queue, token, step_deadline({until, stop}));
      if (record && store_.release(record->key, token, step_deadline({until, stop}))) return;
      runtime().sleep_for(seconds(1), stop);
    }
  }));
}

void QueueLocks::close() noexcept {
  closed_ = true;
  tasks_.clear();
  current_.clear();
}

}  // namespace deimos::testkit::mutants
