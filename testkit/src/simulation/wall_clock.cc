#include <deimos/testkit/wall_clock.h>

#include <chrono>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>

namespace deimos::testkit {

WallClock::WallClock(Scheduler& scheduler, std::string owner, ClockOptions options)
    : scheduler_(scheduler), owner_(std::move(owner)), clock_(scheduler.now(), options) {}

fake::Instant WallClock::now() const noexcept {
  return fake::ManualClock::epoch + (clock_.local(scheduler_.now()) - Scheduler::start) + stepped_;
}

void WallClock::step(Duration by) {
  constexpr Duration year = std::chrono::hours(24 * 366);
  if (by > year || by < -year) {
    throw std::invalid_argument(internal::broken_rule("a clock's step must be less than a year", by));
  }
  if (std::chrono::abs(stepped_ + by) > 100 * year) {
    throw std::invalid_argument(
        internal::broken_rule("a clock's steps together must be less than a century", stepped_ + by));
  }
  stepped_ += by;
  scheduler_.history().record(scheduler_.elapsed(), "wall clock", owner_, "steps by " + describe_time(by));
}

void WallClock::set_rate(double rate) { clock_.set_rate(scheduler_.now(), rate); }

}  // namespace deimos::testkit
