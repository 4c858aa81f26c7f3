#include <deimos/lock_metrics.h>

#include <algorithm>
#include <utility>

#include <deimos/internal/local_mutex.h>

namespace deimos {
namespace {

constexpr std::size_t most_endpoints = 1000;

LockFigures::Endpoint& endpoint_of(LockFigures& figures, const std::string& endpoint) {
  const auto known = figures.endpoints.find(endpoint);
  if (known != figures.endpoints.end()) return known->second;
  return figures.endpoints[figures.endpoints.size() < most_endpoints ? endpoint : "other"];
}

void count(LockFigures& figures, const LockEvent& event) {
  const std::error_code why = event.error ? event.error->code : std::error_code();
  switch (event.kind) {
    case LockEvent::Kind::waiting: ++figures.waiting; break;
    case LockEvent::Kind::waited:
      --figures.waiting;
      if (event.error) ++figures.failed[why];
      figures.waits.add(event.duration.value_or(Duration::zero()));
      return;
    case LockEvent::Kind::acquired:
      ++figures.acquired;
      ++figures.held;
      break;
    case LockEvent::Kind::released: ++figures.released; break;
    case LockEvent::Kind::renewed:
      ++figures.renewals;
      if (event.duration) figures.renewal_lag.add(*event.duration);
      return;
    case LockEvent::Kind::lost: ++figures.lost[why]; break;
    case LockEvent::Kind::renewal_failed: ++figures.failed_renewals; break;
    case LockEvent::Kind::renewal_late: ++figures.late_renewals; return;
    case LockEvent::Kind::left_to_cleaner: ++figures.left_to_cleaner; break;
    case LockEvent::Kind::left_to_expire: ++figures.left_to_expire; break;
    case LockEvent::Kind::asked_to_release: break;
    case LockEvent::Kind::stray_unlock: ++figures.stray_unlocks; break;
    case LockEvent::Kind::place_lost: ++figures.places_lost; break;
    case LockEvent::Kind::cleaned: break;
  }
  if (event.duration) {  // This one has ended a hold.
    --figures.held;
    figures.holds.add(*event.duration);
  }
}

}  // namespace

void DurationHistogram::add(Duration duration) {
  duration = std::max(duration, Duration::zero());
  const auto bound = std::ranges::lower_bound(bounds, duration);
  ++buckets[static_cast<std::size_t>(bound - bounds.begin())];
  ++count;
  sum += std::chrono::duration<double>(duration).count();
}

class LockMetrics::Counter final : public Observer {
 public:
  void on_lock_event(const LockEvent& event) {
    const internal::LocalMutexLock lock(mutex_);
    count(figures_, event);
  }
  void on_response(const Attempt& attempt, int /*status*/, Duration took) override {
    const internal::LocalMutexLock lock(mutex_);
    ++endpoint_of(figures_, attempt.endpoint).answered;
    figures_.requests.add(took);
  }
  void on_exchange_failed(const Attempt& attempt, const Failure& /*failure*/, Duration took) override {
    const internal::LocalMutexLock lock(mutex_);
    ++endpoint_of(figures_, attempt.endpoint).failed;
    figures_.requests.add(took);
  }
  void on_retry(const Attempt& /*failed*/, const std::string& /*why*/, Duration /*pause*/) override {
    const internal::LocalMutexLock lock(mutex_);
    ++figures_.retries;
  }
  void on_endpoint_change(const EndpointChange& change) override {
    const internal::LocalMutexLock lock(mutex_);
    switch (change.kind) {
      case EndpointChange::Kind::down: endpoint_of(figures_, change.endpoint).up = false; break;
      case EndpointChange::Kind::up:
      case EndpointChange::Kind::added: endpoint_of(figures_, change.endpoint).up = true; break;
      case EndpointChange::Kind::removed: figures_.endpoints.erase(change.endpoint); break;
    }
  }
  [[nodiscard]] LockFigures figures() const {
    const internal::LocalMutexLock lock(mutex_);
    return figures_;
  }

 private:
  mutable internal::LocalMutex mutex_;
  LockFigures figures_ DEIMOS_GUARDED_BY(mutex_);
};

LockMetrics::LockMetrics() : counter_(std::make_shared<Counter>()) {}

std::function<void(const LockEvent&)> LockMetrics::on_event() const {
  return [counter = counter_](const LockEvent& event) { counter->on_lock_event(event); };
}

std::shared_ptr<Observer> LockMetrics::observer() const { return counter_; }

LockFigures LockMetrics::figures() const { return counter_->figures(); }

}  // namespace deimos
