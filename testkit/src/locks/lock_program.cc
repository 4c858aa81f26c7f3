#include <deimos/testkit/lock_program.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include <deimos/testkit/history.h>
#include <deimos/testkit/random.h>

namespace deimos::testkit {
namespace {

const char* text_of(LockStep::Kind kind) {
  switch (kind) {
    case LockStep::Kind::lock: return "lock";
    case LockStep::Kind::try_lock: return "try";
    case LockStep::Kind::timed: return "timed";
    case LockStep::Kind::cancelled: return "cancelled";
    case LockStep::Kind::unlock: return "unlock";
    case LockStep::Kind::unlock_oldest: return "unlock oldest";
    case LockStep::Kind::unlock_again: return "unlock again";
    case LockStep::Kind::write: return "write";
    case LockStep::Kind::renew: return "renew";
    case LockStep::Kind::sleep: return "sleep";
  }
  return "?";
}

/// One process as it goes through its steps.
class Interpreter {
 public:
  Interpreter(Process& process, RecordedLocks& locks,
              const std::function<FencedResource&(const std::string&)>& resource)
      : process_(process), locks_(locks), resource_(resource) {}

  void run(const LockStep& step) {
    switch (step.kind) {
      case LockStep::Kind::lock:
      case LockStep::Kind::try_lock:
      case LockStep::Kind::timed: return acquire(step, {});
      case LockStep::Kind::cancelled: return cancelled(step);
      case LockStep::Kind::unlock: return unlock();
      case LockStep::Kind::unlock_oldest: return unlock_oldest();
      case LockStep::Kind::unlock_again:
        if (released_) (void)released_->hold.release();
        return;
      case LockStep::Kind::write:
        if (!held_.empty()) resource_(held_.back().name).write(held_.back().hold);
        return;
      case LockStep::Kind::renew:
        if (!held_.empty()) (void)held_.back().hold.renew();
        return;
      case LockStep::Kind::sleep: return process_.sleep(step.amount);
    }
  }

  void unlock_everything() {
    while (!held_.empty()) unlock();
  }

 private:
  static constexpr std::uint64_t second_owner = 2;
  struct Held {
    std::string name;
    RecordedHold hold;
  };

  void acquire(const LockStep& step, std::stop_token stop) {
    AcquireOptions options;
    if (step.other_owner) options.owner = second_owner;
    if (step.kind == LockStep::Kind::try_lock) options.wait = Duration::zero();
    if (step.kind == LockStep::Kind::timed) options.wait = step.amount;
    const std::string name = name_of_lock(step.lock);
    // It must not wait for itself, nor in a ring with others.
    if (!held_.empty()) options.wait = std::min<Duration>(options.wait, std::chrono::seconds(2));
    auto hold = locks_.acquire(name, options, std::move(stop));
    if (hold) held_.push_back({name, std::move(*hold)});
  }

  void cancelled(const LockStep& step) {
    std::stop_source source;
    const auto canceller = process_.runtime().spawn("canceller", [&](const std::stop_token& stop) {
      if (process_.runtime().sleep_for(step.amount, stop)) source.request_stop();
    });
    acquire(step, source.get_token());
    canceller->request_stop();
  }

  void unlock() {
    if (held_.empty()) return;
    (void)held_.back().hold.release();
    released_ = std::move(held_.back());
    held_.pop_back();
  }

  void unlock_oldest() {
    if (held_.empty()) return;
    (void)held_.front().hold.release();
    released_ = std::move(held_.front());
    held_.erase(held_.begin());
  }

  Process& process_;
  RecordedLocks& locks_;
  const std::function<FencedResource&(const std::string&)>& resource_;
  std::vector<Held> held_;
  std::optional<Held> released_;  ///< Last.
};

}  // namespace

std::string name_of_process(std::size_t index) { return "p" + std::to_string(index + 1); }
std::string name_of_lock(int lock) { return std::string(1, static_cast<char>('a' + lock)); }

std::string LockProgram::describe() const {
  std::string text;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    text += name_of_process(i) + ":";
    for (const LockStep& step : processes[i]) {
      text += std::string(" ") + text_of(step.kind);
      const bool acquires = step.kind <= LockStep::Kind::cancelled;
      if (acquires) text += " " + name_of_lock(step.lock) + (step.other_owner ? "#2" : "");
      if (step.amount != Duration::zero()) text += " " + duration_as_code(step.amount);
      text += ";";
    }
    text += "\n";
  }
  return text;
}

LockStep random_step(std::uint64_t draw, const ProgramLimits& limits) {
  using Kind = LockStep::Kind;
  RandomStream random(draw, "step");
  static constexpr Kind urn[] = {Kind::lock,          Kind::lock,      Kind::lock,   Kind::try_lock,
                                 Kind::timed,         Kind::cancelled, Kind::unlock, Kind::unlock,
                                 Kind::unlock,        Kind::write,     Kind::write,  Kind::renew,
                                 Kind::unlock_oldest, Kind::sleep,     Kind::sleep,  Kind::sleep};
  LockStep step;
  step.kind = urn[random.below(std::size(urn))];
  if (limits.careless && random.chance(0.2)) step.kind = Kind::unlock_again;
  const bool acquires = step.kind <= Kind::cancelled;
  if (acquires) {
    step.lock = static_cast<int>(random.below(static_cast<std::uint64_t>(limits.locks)));
    step.other_owner = random.chance(0.15);
  }
  if (step.kind == Kind::timed || step.kind == Kind::cancelled || step.kind == Kind::sleep) {
    // Log-uniform; waits may be shorter than any message takes, sleeps are long enough for something to happen.
    const double longest = std::chrono::duration<double>(limits.longest).count();
    const double shortest = step.kind == Kind::sleep ? longest / 100 : 0.001;
    const std::chrono::duration<double> amount(shortest * std::pow(longest / shortest, random.unit()));
    step.amount = std::chrono::ceil<std::chrono::milliseconds>(amount);
  }
  return step;
}

LockProgram random_program(std::uint64_t seed, const ProgramLimits& limits) {
  RandomStream random(seed, "lock program");
  LockProgram program;
  program.processes.resize(static_cast<std::size_t>(limits.processes));
  for (auto& steps : program.processes) {
    for (int i = 0; i < limits.steps; ++i) steps.push_back(random_step(random.next(), limits));
  }
  return program;
}

void run_steps(const std::vector<LockStep>& steps, ProgramState& state, Process& process, RecordedLocks& locks,
               const std::function<FencedResource&(const std::string&)>& resource) {
  Interpreter interpreter(process, locks, resource);
  while (state.next < steps.size()) interpreter.run(steps[state.next++]);
  interpreter.unlock_everything();
}

}  // namespace deimos::testkit
