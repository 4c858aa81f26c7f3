#include "locks/queue/queue_acquirer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <deimos/internal/assert.h>

#include "runtime/stop_either.h"

namespace deimos {

QueueAcquirer::QueueAcquirer(LockSession& session, QueueRequest request, AcquireLimits limits,
                             LockAcquisition::AcquisitionOptions wishes, std::shared_ptr<LeaseUser> user)
    : session_(session),
      runtime_(session.runtime()),
      backend_(session.backend()),
      request_(std::move(request)),
      lease_(limits.lease),
      wishes_(std::move(wishes)),
      user_(std::move(user)),
      caller_(runtime_, session.options(), std::move(limits)) {}

Result<std::shared_ptr<LockAcquisition>> QueueAcquirer::wait_for_turn() {
  Step step = Step::line_up;
  while (step != Step::granted && step != Step::failed) {
    if (auto error = caller_.out_of_time()) {
      step = fail_with(std::move(*error));
    } else if (place_ && !place_->is_live()) {
      step = place_lost();
    } else {
      step = next(step);
    }
  }
  if (step == Step::granted) return std::move(place_);
  forget_unclear();
  // Who was refused has time left to leave at once; who was cancelled, or ran out of time, has not.
  const bool refused = error_.code == errc::lock_already_held || error_.code == errc::lock_kind_differs ||
                       error_.code == errc::invalid_argument;
  if (place_) session_.abandon(place_, error_, refused);
  return tl::unexpected<Error>(std::move(error_));
}

QueueAcquirer::Step QueueAcquirer::next(Step step) {
  switch (step) {
    case Step::line_up: return line_up();
    case Step::find: return find();
    case Step::look: return look();
    case Step::write_limit: return write_limit();
    case Step::listen: return listen();
    case Step::granted:
    case Step::failed: break;
  }
  return step;
}

QueueAcquirer::Step QueueAcquirer::fail_with(Error error) {
  error_ = std::move(error);
  return Step::failed;
}

QueueAcquirer::Step QueueAcquirer::failed_read(Error error, Step again) {
  if (auto why = caller_.read_failed(std::move(error))) return fail_with(std::move(*why));
  return again;
}

QueueAcquirer::Step QueueAcquirer::line_up() {
  // A new token each time: an earlier place that turns up late is not this one, and is removed.
  LockValue value = request_.value;
  value.token = session_.make_token();
  Unclear asked{value.token, text_of(value), runtime_.now()};
  const Result<LockRecord> place = backend_.enqueue(request_.queue, asked.text, lease_.stored, caller_.step_deadline());
  unclear_ = std::move(asked);
  if (place) {
    caller_.write_answered();
    return placed(*place, unclear_->sent);
  }
  const bool unclear = place.error().code == condition::outcome_unknown;
  if (!unclear) unclear_.reset();
  if (auto why = caller_.write_failed(place.error())) return fail_with(std::move(*why));
  return unclear ? Step::find : Step::line_up;
}

QueueAcquirer::Step QueueAcquirer::find() {
  DEIMOS_ASSERT(unclear_, "only what is unclear is looked for");
  const Result<LockQueue> queue = read();
  if (!queue) return failed_read(queue.error(), Step::find);
  const auto mine =
      std::ranges::find_if(queue->places, [&](const auto& place) { return place.value.token == unclear_->token; });
  if (mine != queue->places.end()) return placed(mine->record, unclear_->sent);
  forget_unclear();
  return Step::line_up;
}

QueueAcquirer::Step QueueAcquirer::placed(const LockRecord& place, TimePoint sent) {
  const TimePoint from = place.lease_from.value_or(sent);
  if (runtime_.now() >= saturating_add(from, lease_.usable)) {  // It is heard of when its lease is over.
    forget_unclear();
    caller_.pause();
    return Step::line_up;
  }
  LockGrant grant;
  grant.token = unclear_->token;
  grant.text = unclear_->text;
  grant.fencing_token = place.created_revision;
  grant.revision = place.revision;
  grant.sent = from;
  unclear_.reset();
  place_ = std::make_shared<LockAcquisition>(session_.shared_runtime(), request_.name, place.key, lease_,
                                             std::move(grant), wishes_, LockAcquisition::State::queued);
  session_.add(place_, user_);
  return Step::look;
}

QueueAcquirer::Step QueueAcquirer::place_lost() {
  DEIMOS_ASSERT(!unclear_, "nobody has a place and asks for another");
  place_.reset();
  caller_.pause();
  return Step::line_up;
}

void QueueAcquirer::forget_unclear() {
  if (!unclear_) return;
  LockCleaner::Job job;
  job.name = request_.name;
  job.record = {request_.queue, unclear_->token, unclear_->text, unclear_->text, 0, false};
  job.in_queue = true;
  job.residue = {1, saturating_add(runtime_.now(), longest_trace(lease_, session_.options()))};
  job.not_before = runtime_.now();
  job.until = job.residue.until;
  session_.clean(std::move(job), fail(errc::outcome_unknown, "whether it is in the queue is not known").value());
  unclear_.reset();
}

Result<LockQueue> QueueAcquirer::read() {
  Result<Listing> listing = backend_.places(request_.queue, caller_.step_deadline());
  if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
  caller_.read_answered();
  return queue_of(std::move(*listing));
}

QueueAcquirer::Step QueueAcquirer::look() {
  const Result<LockQueue> queue = read();
  if (!queue) return failed_read(queue.error(), Step::look);
  return judge(*queue);
}

std::optional<int> QueueAcquirer::permits_in(const LockQueue& queue) {
  if (request_.value.kind != LockKind::semaphore || !queue.permits) return request_.permits;
  if (queue.resized || *queue.permits == request_.permits) return queue.permits;
  error_ =
      fail(errc::lock_kind_differs, "semaphore '" + request_.name + "' has " + std::to_string(*queue.permits) +
                                        " permits, not " + std::to_string(request_.permits) + "; resize() changes that")
          .value();
  return std::nullopt;
}

QueueAcquirer::Step QueueAcquirer::judge(const LockQueue& queue) {
  const auto mine =
      std::ranges::find_if(queue.places, [&](const auto& place) { return place.record.key == place_->key(); });
  if (mine == queue.places.end()) {
    session_.lose(place_, fail(errc::lock_not_held, "the place in the queue was taken away").value());
    return Step::look;  // And finds the place lost.
  }
  for (const QueuePlace& place : queue.places) {
    // A copy of the request that took this place, which somebody on the way sent twice.
    if (place.value.token == place_->token() && place.record.key != place_->key()) return evict(place.record);
  }
  if (request_.value.kind == LockKind::semaphore && !queue.permits) return Step::write_limit;
  const std::optional<int> permits = permits_in(queue);
  if (!permits) return Step::failed;
  const auto index = static_cast<std::size_t>(mine - queue.places.begin());
  const QueueVerdict verdict = verdict_on(queue, index, *permits);
  if (verdict.kind == QueueVerdict::Kind::admitted) return go_in(queue, index);
  if (verdict.kind == QueueVerdict::Kind::too_many) {
    return fail_with(fail(errc::invalid_argument, "semaphore '" + request_.name + "' has " + std::to_string(*permits) +
                                                      " permits: " + std::to_string(request_.value.permits) +
                                                      " cannot be had at once")
                         .value());
  }
  return wait_for(queue, verdict, index);
}

QueueAcquirer::Step QueueAcquirer::write_limit() {
  const Result<void> written = backend_.set_permanent(request_.queue + '/' + limit_name,
                                                      limit_text(request_.permits, false), {}, caller_.step_deadline());
  if (written || written.error().code == errc::key_already_exists) {
    caller_.write_answered();
    return Step::look;
  }
  if (auto why = caller_.write_failed(written.error())) return fail_with(std::move(*why));
  return Step::look;
}

QueueAcquirer::Step QueueAcquirer::go_in(const LockQueue& queue, std::size_t mine) {
  if (!session_.admit(place_)) return Step::look;  // And finds the place lost.
  // Whoever is behind may wait for a sign that this one is not in the way any more.
  if (request_.value.kind == LockKind::semaphore && mine + 1 < queue.places.size()) {
    LockValue held = queue.places[mine].value;
    held.held = true;
    session_.want_text(place_, text_of(held));
  }
  return Step::granted;
}

QueueAcquirer::Step QueueAcquirer::wait_for(const LockQueue& queue, const QueueVerdict& verdict, std::size_t mine) {
  over_at_.clear();
  const bool any = verdict.kind == QueueVerdict::Kind::wait_for_any;
  for (std::size_t i = any ? 0 : verdict.index; i < (any ? mine : verdict.index + 1); ++i) {
    const LockRecord& ahead = queue.places[i].record;
    if (ahead.ttl && is_over(*ahead.ttl, session_.options())) return evict(ahead);
    // The store leaves out a ttl of 0.
    if (ahead.ttl || ahead.expires) over_at_[ahead.key] = over_at(ahead.ttl.value_or(std::chrono::seconds(0)));
  }
  if (verdict.kind == QueueVerdict::Kind::kind_differs) {
    const LockKind kind = queue.places[verdict.index].value.kind;
    return fail_with(
        fail(errc::lock_kind_differs, "'" + request_.name + "' is in use as a " + std::string(to_string(kind)))
            .value());
  }
  caller_.saw_held(true);
  if (cleared_ == 0) caller_.made_progress();
  if (auto enough = caller_.refused()) return fail_with(std::move(*enough));
  awaited_ = any ? std::string() : queue.places[verdict.index].record.key;
  listen_from_ = queue.revision + 1;
  plan_look();
  return Step::listen;
}

void QueueAcquirer::plan_look() {
  constexpr Duration least = std::chrono::seconds(30);
  look_at_ = saturating_add(runtime_.now(), std::max(caller_.limits().listen_for, least));
  for (const auto& [key, over] : over_at_) look_at_ = std::min(look_at_, over);
}

TimePoint QueueAcquirer::over_at(std::chrono::seconds ttl_left) const {
  return saturating_add(runtime_.now(), until_over(ttl_left, session_.options()));
}

QueueAcquirer::Step QueueAcquirer::evict(const LockRecord& expired) {
  const Result<void> removed = backend_.force_release(expired, caller_.step_deadline());
  if (removed) return Step::look;
  const std::error_code& code = removed.error().code;
  if (code == errc::compare_failed || code == errc::key_not_found) {  // It is back, or another was quicker.
    caller_.pause();
    return Step::look;
  }
  if (auto why = caller_.write_failed(removed.error())) return fail_with(std::move(*why));
  return Step::look;
}

QueueAcquirer::Step QueueAcquirer::listen() {
  const TimePoint now = runtime_.now();
  if (now >= look_at_) return Step::look;
  const TimePoint until =
      std::min({look_at_, caller_.limits().deadline, saturating_add(now, caller_.limits().listen_for)});
  const StopEither stop(caller_.limits().stop, place_->lost());
  const auto change = awaited_.empty()
                          ? backend_.wait_for_any_change(request_.queue, listen_from_, {until, stop.token()})
                          : backend_.wait_for_change(awaited_, listen_from_, {until, stop.token()});
  if (place_->lost().stop_requested()) return Step::listen;  // And finds the place lost.
  if (!change) {
    if (change.error().code == errc::history_cleared) {
      if (++cleared_ > 1) caller_.pause();  // A store that is written to as fast as it is read.
      return Step::look;
    }
    return failed_read(change.error(), Step::listen);
  }
  cleared_ = 0;
  caller_.read_answered();
  if (!*change) {
    if (runtime_.now() < until) caller_.pause(look_at_);  // The store ended the poll; it may go on doing so.
    return Step::listen;
  }
  listen_from_ = std::max(listen_from_, (*change)->revision) + 1;
  if (matters(**change)) return Step::look;
  // A lease began anew: its end is as far away again.
  if (const auto known = over_at_.find((*change)->key); known != over_at_.end()) {
    known->second = over_at((*change)->ttl.value_or(std::chrono::seconds(0)));
    plan_look();
  }
  return Step::listen;
}

bool QueueAcquirer::matters(const Change& change) const {
  if (change.released || is_limit_text(change.token)) return true;
  // A renewal changes nothing, but a sign may come with it: a semaphore's that it is in, a writer's that it only reads.
  const LockValue value = lock_value_of(change.token);
  return !awaited_.empty() &&
         (value.held || (request_.value.kind == LockKind::reader && value.kind == LockKind::reader));
}

}  // namespace deimos
