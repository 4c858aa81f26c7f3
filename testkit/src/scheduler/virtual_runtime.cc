#include <deimos/testkit/virtual_runtime.h>

#include <string>
#include <utility>
#include <vector>

#include "scheduler/fiber.h"

namespace deimos::testkit {

struct VirtualRuntime::State {
  State(Scheduler& its_scheduler, TaskGroup& its_group, ClockOptions clock_options, RandomStream its_random)
      : scheduler(its_scheduler), group(its_group), clock(its_scheduler.now(), clock_options), random(its_random) {}

  [[nodiscard]] TimePoint now() const noexcept {
    return scheduler.current_killed() ? scheduler.killed_now() : clock.local(scheduler.now());
  }

  std::unique_ptr<Scheduler> own_scheduler;
  Scheduler& scheduler;
  TaskGroup& group;
  LocalClock clock;
  RandomStream random;
  std::uint64_t signals = 0;
  std::vector<std::shared_ptr<Fiber>> kept;  // Tasks whose handle they destroyed themselves.
};

namespace {

/// Tasks wait in the order in which they came.
class VirtualSignal final : public Signal, public WaitTarget {
 public:
  VirtualSignal(VirtualRuntime::State& runtime, std::uint64_t number)
      : runtime_(runtime), scheduler_(runtime.scheduler), number_(number), maker_(scheduler_.current_id()) {}

  [[nodiscard]] std::uint64_t epoch() const noexcept override { return epoch_; }

  void wait(std::uint64_t seen, TimePoint deadline) override {
    if (epoch_ != seen) return;
    if (scheduler_.current_killed()) {
      static_cast<void>(scheduler_.park(deadline, *this));
      return;
    }
    const Waiting waiting(*this);
    static_cast<void>(scheduler_.park(runtime_.clock.true_time(deadline), *this));
  }

  void notify() noexcept override {
    ++epoch_;
    for (Waiting* waiting = first_; waiting != nullptr; waiting = waiting->next) scheduler_.wake(waiting->fiber);
  }

  [[nodiscard]] std::string describe() const override {
    return "signal " + std::to_string(number_) + " (made by task " + std::to_string(maker_) + ")";
  }

 private:
  /// A place in the list of those who wait, for as long as it lives.
  struct Waiting {
    explicit Waiting(VirtualSignal& its_signal)
        : signal(its_signal), fiber(*its_signal.scheduler_.current()), previous(its_signal.last_) {
      (previous == nullptr ? signal.first_ : previous->next) = this;
      signal.last_ = this;
    }
    ~Waiting() {
      (previous == nullptr ? signal.first_ : previous->next) = next;
      (next == nullptr ? signal.last_ : next->previous) = previous;
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    VirtualSignal& signal;
    Fiber& fiber;
    Waiting* previous;
    Waiting* next = nullptr;
  };

  VirtualRuntime::State& runtime_;
  Scheduler& scheduler_;
  std::uint64_t number_;
  TaskId maker_;
  std::uint64_t epoch_ = 0;
  Waiting* first_ = nullptr;
  Waiting* last_ = nullptr;
};

class VirtualTask final : public Task {
 public:
  VirtualTask(std::shared_ptr<VirtualRuntime::State> runtime, std::shared_ptr<Fiber> fiber)
      : runtime_(std::move(runtime)), fiber_(std::move(fiber)) {}

  ~VirtualTask() override {
    request_stop();
    if (runtime_->scheduler.current() == fiber_.get()) {
      runtime_->kept.push_back(std::move(fiber_));
    } else {
      runtime_->scheduler.join(fiber_);
    }
  }

  void request_stop() noexcept override { runtime_->scheduler.request_stop(*fiber_); }

 private:
  std::shared_ptr<VirtualRuntime::State> runtime_;
  std::shared_ptr<Fiber> fiber_;
};

}  // namespace

VirtualRuntime::VirtualRuntime(std::uint64_t seed, SchedulerOptions options) {
  auto scheduler = std::make_unique<Scheduler>(options);
  state_ =
      std::make_shared<State>(*scheduler, scheduler->default_group(), ClockOptions{}, RandomStream(seed, "runtime"));
  state_->own_scheduler = std::move(scheduler);
}

VirtualRuntime::VirtualRuntime(Scheduler& scheduler, TaskGroup& group, ClockOptions clock, RandomStream random)
    : state_(std::make_shared<State>(scheduler, group, clock, random)) {}

VirtualRuntime::~VirtualRuntime() {
  for (const std::shared_ptr<Fiber>& fiber : std::exchange(state_->kept, {})) state_->scheduler.join(fiber);
}

TimePoint VirtualRuntime::now() const noexcept { return state_->now(); }

std::unique_ptr<Signal> VirtualRuntime::make_signal() {
  return std::make_unique<VirtualSignal>(*state_, ++state_->signals);
}

std::unique_ptr<Task> VirtualRuntime::spawn(std::string name, std::function<void(std::stop_token)> body) {
  auto fiber = state_->scheduler.spawn(state_->group, std::move(name), Scheduler::Role::background, std::move(body));
  return std::make_unique<VirtualTask>(state_, std::move(fiber));
}

std::uint64_t VirtualRuntime::random() {
  const std::uint64_t bits = state_->random.next();
  state_->scheduler.history().absorb(bits);
  return bits;
}

TaskId VirtualRuntime::current_task() const noexcept { return state_->scheduler.current_id(); }
void VirtualRuntime::check_running() const { state_->scheduler.throw_if_killed(); }
Scheduler& VirtualRuntime::scheduler() noexcept { return state_->scheduler; }
const LocalClock& VirtualRuntime::clock() const noexcept { return state_->clock; }

void VirtualRuntime::set_clock_rate(double rate) {
  state_->clock.set_rate(state_->scheduler.now(), rate);
  state_->scheduler.wake_all(state_->group);
}

}  // namespace deimos::testkit
