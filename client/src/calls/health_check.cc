#include "calls/health_check.h"

#include <exception>
#include <utility>

#include "runtime/stop_either.h"

namespace deimos {

HealthCheck::HealthCheck(Runtime& runtime, EndpointSet& endpoints, Callbacks callbacks)
    : runtime_(runtime), endpoints_(endpoints), callbacks_(std::move(callbacks)), timer_(runtime) {}

void HealthCheck::consider(TimePoint when, const std::shared_ptr<void>& self) {
  if (when == TimePoint::max()) return;
  if (!started_) start(self);
  timer_.set_by(when);
}

void HealthCheck::start(const std::shared_ptr<void>& self) {
  const internal::LocalMutexLock lock(mutex_);
  if (started_ || closing_.stop_requested()) return;
  try {
    task_ = runtime_.spawn("deimos health check", [self, this](const std::stop_token& stop) { run(stop); });
    started_ = true;
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the next call tries again.
  }
}

void HealthCheck::request_stop() noexcept { closing_.request_stop(); }

void HealthCheck::stop() noexcept {
  request_stop();
  std::unique_ptr<Task> task;
  {
    const internal::LocalMutexLock lock(mutex_);
    task.swap(task_);
  }
}

void HealthCheck::run(const std::stop_token& ending) {
  const StopEither either(ending, closing_.get_token());
  const std::stop_token& stop = either.token();
  timer_.run(stop, [&] {
    while (!stop.stop_requested()) {
      const auto due = endpoints_.next_check();
      if (!due) break;
      check(*due, stop);
    }
    return endpoints_.next_check_at();
  });
}

void HealthCheck::check(const EndpointSet::Check& check, const std::stop_token& stop) {
  const Verdict verdict = callbacks_.probe(check.url, stop);
  if (stop.stop_requested()) return;
  if (check.kind == EndpointSet::Check::Kind::is_it_back || verdict != Verdict::timed_out) {
    const Verdict clear = verdict == Verdict::works ? Verdict::works : Verdict::fails;
    if (endpoints_.judge(check.url, clear)) {
      callbacks_.changed(check.url, clear == Verdict::works,
                         clear == Verdict::works ? "a probe was answered" : "a probe failed");
    }
    return;
  }
  if (another_answers(check, stop) && endpoints_.give_up(check)) {
    callbacks_.changed(check.url, false, "it answers nothing, while others do");
  }
}

bool HealthCheck::another_answers(const EndpointSet::Check& check, const std::stop_token& stop) const {
  const EndpointSet::Witness witness = endpoints_.witness_against(check);
  if (witness.url.empty() || witness.has_answered) return witness.has_answered;
  const Verdict verdict = callbacks_.probe(witness.url, stop);
  if (verdict == Verdict::works) static_cast<void>(endpoints_.judge(witness.url, verdict));
  return verdict == Verdict::works;
}

}  // namespace deimos
