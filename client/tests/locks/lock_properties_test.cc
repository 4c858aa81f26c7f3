// The laws of a lock as properties: simulated processes run random programs against one store, while messages are lost,
// links are cut, processes stand still, die and come back, and clocks run at different rates. A failure prints how to
// run it again (RC_PARAMS="reproduce=…"); RC_PARAMS="max_success=1000" runs more of them.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <deimos/lock_metrics.h>
#include <deimos/testkit/simulation.h>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using testkit::Process;
using testkit::RandomStream;
using testkit::Simulation;

/// Which faults there are, and what decides all the rest.
struct Plan {
  std::uint64_t seed = 0;
  int processes = 2;
  int rounds = 3;
  int subject = 0;
  bool losses = false;
  bool cuts = false;
  bool pauses = false;
  bool crashes = false;
  bool drift = false;
  bool duplicates = false;
};

void showValue(const Plan& plan, std::ostream& out) {
  out << "{.seed = " << plan.seed << ", .processes = " << plan.processes << ", .rounds = " << plan.rounds
      << ", .subject = " << plan.subject << ", .losses = " << plan.losses << ", .cuts = " << plan.cuts
      << ", .pauses = " << plan.pauses << ", .crashes = " << plan.crashes << ", .drift = " << plan.drift
      << ", .duplicates = " << plan.duplicates << "}";
}

/// A lock that the processes want.
struct Wanted {
  const char* name;
  LockKind kind;
};
constexpr std::array<Wanted, 5> locks = {{{"x", LockKind::mutex},
                                          {"y", LockKind::mutex},
                                          {"fair", LockKind::fair_mutex},
                                          {"shared", LockKind::writer},
                                          {"permits", LockKind::semaphore}}};
constexpr int permits = 3;
/// Which of them a plan is about: the first, and how many.
constexpr std::array<std::pair<std::size_t, std::size_t>, 5> subjects = {{{0, 2}, {2, 1}, {3, 1}, {4, 1}, {0, 5}}};

constexpr Duration faults_end = 3min;

/// What everybody believes, seen from above.
class Oracle {
 public:
  /// A process believes that it holds a lock, as long as this lives.
  class Belief {
   public:
    Belief(Oracle& oracle, const Process& process, const Hold& hold, LockKind kind, int permits_held)
        : hold_(hold), kind_(kind), permits_(permits_held), oracle_(oracle) {
      oracle_.check_grant(process.name(), *this);
      oracle_.beliefs_.push_back(this);
    }
    Belief(const Belief&) = delete;
    Belief& operator=(const Belief&) = delete;
    ~Belief() { std::erase(oracle_.beliefs_, this); }
    /// From now on it only reads.
    void downgrade() { kind_ = LockKind::reader; }

   private:
    friend class Oracle;
    const Hold& hold_;
    LockKind kind_;
    const int permits_;
    Oracle& oracle_;
  };

  void fault(const std::string& text) { faults_.push_back(text); }
  [[nodiscard]] const std::vector<std::string>& faults() const { return faults_; }
  [[nodiscard]] int grants() const { return grants_; }
  [[nodiscard]] int shared() const { return shared_; }

 private:
  void check_grant(const std::string& process, const Belief& belief) {
    ++grants_;
    const Hold& hold = belief.hold_;
    const std::string what = process + " was granted " + hold.name() + " with " + std::to_string(hold.fencing_token());
    int taken = belief.permits_;
    for (const Belief* other : beliefs_) {
      if (other->hold_.name() != hold.name() || !other->hold_.is_held()) continue;
      taken += other->permits_;
      const bool together = belief.kind_ == LockKind::reader && other->kind_ == LockKind::reader;
      shared_ += together ? 1 : 0;
      if (together || belief.kind_ == LockKind::semaphore) continue;
      fault("ME: " + what + " while another holds it with " + std::to_string(other->hold_.fencing_token()));
    }
    if (belief.kind_ == LockKind::semaphore) {
      if (taken > permits) fault("ME: " + what + ": " + std::to_string(taken) + " permits are taken");
      return;
    }
    // Readers of one phase are in any order among themselves.
    const std::uint64_t last = belief.kind_ == LockKind::reader ? last_writer_[hold.name()] : last_token_[hold.name()];
    if (hold.fencing_token() <= last) fault("FT: " + what + " after " + std::to_string(last));
    std::uint64_t& highest = last_token_[hold.name()];
    highest = std::max(highest, hold.fencing_token());
    if (belief.kind_ != LockKind::reader) last_writer_[hold.name()] = hold.fencing_token();
  }

  std::vector<const Belief*> beliefs_;
  std::map<std::string, std::uint64_t> last_writer_;
  std::map<std::string, std::uint64_t> last_token_;
  std::vector<std::string> faults_;
  int grants_ = 0;
  int shared_ = 0;
};

/// One life of a process: so many rounds of taking a lock, working and giving it back.
class Worker {
 public:
  Worker(Process& process, Oracle& oracle, int subject)
      : process_(process),
        oracle_(oracle),
        subject_(subjects[static_cast<std::size_t>(subject)]),
        locks_(process.client(), {.ttl = std::chrono::seconds(2 + process.random().below(6)),
                                  .request_timeout = 2s,
                                  .poll_interval = 2s,
                                  .on_event = metrics_.on_event()}) {}

  void run(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      process_.sleep(process_.random().between(0s, 2s));
      work_once();
    }
    const LockFigures figures = metrics_.figures();
    if (figures.held != 0 || figures.waiting != 0 || figures.holds.count != figures.acquired) {
      oracle_.fault("figures: held " + std::to_string(figures.held) + ", waiting " + std::to_string(figures.waiting) +
                    " at the end, and " + std::to_string(figures.holds.count) + " of " +
                    std::to_string(figures.acquired) + " acquisitions ended");
    }
  }

 private:
  struct Told {
    int times = 0;
  };

  void work_once() {
    RandomStream& random = process_.random();
    const Wanted wanted = locks[subject_.first + random.below(subject_.second)];
    const LockKind kind = wanted.kind == LockKind::writer && random.chance(0.6) ? LockKind::reader : wanted.kind;
    const int permits_wanted = kind == LockKind::semaphore ? 1 + static_cast<int>(random.below(2)) : 1;
    const auto told = std::make_shared<Told>();
    AcquireOptions options;
    options.on_lost = [told](const Error&) { ++told->times; };
    const std::uint64_t patience = random.below(4);
    if (patience == 0) options.wait = Duration::zero();
    if (patience == 1) options.wait = random.between(1ms, 10s);
    std::stop_source cancel;
    std::unique_ptr<Task> canceller;
    if (patience == 2 && random.chance(0.3)) {
      canceller =
          process_.runtime().spawn("canceller", [&, after = random.between(0s, 5s)](const std::stop_token& stop) {
            if (process_.runtime().sleep_for(after, stop)) cancel.request_stop();
          });
    }
    auto hold = acquire(wanted.name, kind, permits_wanted, options, cancel.get_token());
    if (!hold) {
      canceller.reset();
      return;
    }
    bool was_held = false;
    {
      Oracle::Belief belief(oracle_, process_, *hold, kind, permits_wanted);
      if (random.chance(0.1)) hold->pause_renewal();
      const TimePoint end = process_.now() + random.between(0s, 15s);
      if (kind != LockKind::semaphore && random.chance(0.3)) reenter(wanted.name, kind, *hold);
      if (kind == LockKind::writer && random.chance(0.4)) {
        process_.sleep(random.between(1ms, 2s));
        belief.downgrade();
        (void)hold->downgrade();
      }
      while (process_.now() < end && hold->is_held()) process_.sleep(random.between(1ms, 1s));
      was_held = hold->is_held();
    }
    const Result<Release> released = hold->release();
    process_.sleep(100ms);
    check_end(*hold, released, was_held, told->times);
  }

  Result<Hold> acquire(const char* name, LockKind kind, int wanted, const AcquireOptions& options,
                       const std::stop_token& stop = {}) {
    switch (kind) {
      case LockKind::fair_mutex: return locks_.mutex(name, {.fairness = Fairness::fair}).acquire(options, stop);
      case LockKind::reader: return locks_.shared_mutex(name).acquire_shared(options, stop);
      case LockKind::writer: return locks_.shared_mutex(name).acquire(options, stop);
      case LockKind::semaphore: return locks_.semaphore(name, {.permits = permits}).acquire(wanted, options, stop);
      default: return locks_.mutex(name).acquire(options, stop);
    }
  }

  void reenter(const char* name, LockKind kind, const Hold& outer) {
    auto inner = acquire(name, kind, 1, once());
    if (!outer.is_held()) return;
    if (!inner) {
      oracle_.fault("re-entry was refused: " + inner.error().describe());
    } else if (inner->fencing_token() != outer.fencing_token()) {
      oracle_.fault("re-entry changed the fencing token");
    }
  }

  void check_end(const Hold& hold, const Result<Release>& released, bool was_held, int told) {
    const std::string what = process_.name() + "'s " + hold.name() + " " + std::to_string(hold.fencing_token());
    const bool lost = hold.lost().stop_requested();
    if (told != (lost ? 1 : 0)) oracle_.fault("CB: " + what + ": told " + std::to_string(told) + " times");
    if (released && lost) oracle_.fault("LN: " + what + ": released and lost");
    if (!was_held && !lost) oracle_.fault("LN: " + what + ": not held any more, and nobody told");
  }

  Process& process_;
  Oracle& oracle_;
  const std::pair<std::size_t, std::size_t> subject_;
  const LockMetrics metrics_;
  LockManager locks_;
};

std::string name_of(int process) { return "p" + std::to_string(process); }

/// Until faults_end, something happens every few seconds.
void plan_faults(Simulation& simulation, const Plan& plan) {
  RandomStream random = simulation.random("faults");
  testkit::LinkOptions links;
  links.latency_max = random.chance(0.5) ? 5ms : 400ms;
  if (plan.losses) {
    links.request_loss = random.unit() * 0.2;
    links.answer_loss = random.unit() * 0.2;
  }
  if (plan.duplicates) links.duplication = 0.1;
  simulation.network().set_links(links);
  for (Duration at = 1s; at < faults_end; at += random.between(100ms, 8s)) {
    const std::string process = name_of(static_cast<int>(random.below(static_cast<std::uint64_t>(plan.processes))));
    const Duration length = random.between(10ms, 12s);
    const std::uint64_t kind = random.below(3);
    if (kind == 0 && plan.cuts) {
      const auto direction = static_cast<testkit::Direction>(random.below(3));
      simulation.at(at, [&simulation, process, direction] { simulation.network().cut(process, 1, direction); });
      simulation.at(at + length, [&simulation, process] { simulation.network().heal(process, 1); });
    } else if (kind == 1 && plan.pauses) {
      simulation.at(at, [&simulation, process, length] {
        if (simulation.running(process)) simulation.pause(process, length);
      });
    } else if (kind == 2 && plan.crashes) {
      simulation.at(at, [&simulation, process] {
        if (simulation.running(process)) simulation.restart(process);
      });
    }
  }
  simulation.at(faults_end + 15s, [&simulation] {
    simulation.network().heal();
    simulation.network().set_links({});
  });
}

/// Runs the plan to its end, and returns what was wrong.
std::vector<std::string> violations_of(const Plan& plan, int* grants = nullptr, int* shared = nullptr) {
  Simulation simulation({.seed = plan.seed});
  Oracle oracle;
  for (int i = 0; i < plan.processes; ++i) {
    testkit::ProcessOptions options;
    // 1 % is what LockOptions allow for by default.
    if (plan.drift) options.clock = {.offset = std::chrono::hours(i), .rate = 0.995 + 0.005 * (i % 3)};
    simulation.spawn(
        name_of(i), [&](Process& process) { Worker(process, oracle, plan.subject).run(plan.rounds); }, options);
  }
  plan_faults(simulation, plan);
  simulation.run_for(faults_end + 20s);
  // From here on nothing goes wrong any more.
  const auto all_ended = [&] {
    for (int i = 0; i < plan.processes; ++i) {
      if (simulation.running(name_of(i))) return false;
    }
    return true;
  };
  const Duration bound = (plan.rounds + 1) * plan.processes * 30s;
  if (!simulation.run_until(all_ended, bound)) oracle.fault("LV: somebody waits for ever");
  // No answer tells that a copy of a create is still under way: what it leaves ends with its lease.
  simulation.run_for(plan.duplicates || plan.crashes ? 20s : 0s);
  if (grants != nullptr) *grants += oracle.grants();
  if (shared != nullptr) *shared += oracle.shared();
  std::vector<std::string> faults = oracle.faults();
  for (const Wanted& lock : locks) {
    const Response left =
        simulation.node().handle(Request{"GET", std::string("/keys/locks/") + lock.name + "?sorted=true", {}, {}, {}});
    // Of a queue its directory stays, and of a semaphore how many permits it has.
    const bool clean = left.status == 404 || (lock.kind != LockKind::mutex && left.body.find(';') == std::string::npos);
    if (!clean) faults.push_back("CL: left behind: " + left.body);
  }
  if (simulation.node().statistics().watchers != 0) faults.push_back("CL: a watch is left");
  return faults;
}

rc::Gen<Plan> any_plan() {
  return rc::gen::build<Plan>(rc::gen::set(&Plan::seed), rc::gen::set(&Plan::processes, rc::gen::inRange(1, 5)),
                              rc::gen::set(&Plan::rounds, rc::gen::inRange(1, 8)),
                              rc::gen::set(&Plan::subject, rc::gen::inRange<int>(0, subjects.size())),
                              rc::gen::set(&Plan::losses), rc::gen::set(&Plan::cuts), rc::gen::set(&Plan::pauses),
                              rc::gen::set(&Plan::crashes), rc::gen::set(&Plan::drift),
                              rc::gen::set(&Plan::duplicates));
}

RC_GTEST_PROP(LockProperties, HoldWhateverTheNetworkAndTheProcessesDo, ()) {
  const Plan plan = *any_plan();
  const std::vector<std::string> violations = violations_of(plan);
  for (const std::string& violation : violations) RC_LOG() << violation << "\n";
  RC_ASSERT(violations.empty());
}

TEST(LockPropertiesCheck, GrantsHappenUnderFaults) {
  for (int subject = 0; subject < static_cast<int>(subjects.size()); ++subject) {
    int grants = 0;
    int shared = 0;
    const Plan plan{.seed = 7,
                    .processes = 4,
                    .rounds = 8,
                    .subject = subject,
                    .losses = true,
                    .cuts = true,
                    .pauses = true,
                    .drift = true};
    EXPECT_THAT(violations_of(plan, &grants, &shared), ::testing::IsEmpty());
    EXPECT_GT(grants, 12) << subject;
    if (subject == 2) {
      EXPECT_GT(shared, 2);
    }
  }
}

/// What the std-shaped face of one task should be, however often the lock is lost.
struct Model {
  int held = 0;   ///< Locks of the acquisition that is held.
  int stale = 0;  ///< Locks of lost acquisitions that are not unlocked yet.
};

RC_GTEST_PROP(LockProperties, ReentryCountsAndEndsWithTheLoss, ()) {
  enum class Action { lock, try_lock, unlock, lose };
  const auto actions = *rc::gen::container<std::vector<Action>>(rc::gen::weightedElement<Action>(
      {{4, Action::lock}, {2, Action::try_lock}, {5, Action::unlock}, {2, Action::lose}}));
  World world;
  Member& ours = world.add();
  Member& theirs = world.add();
  const Mutex mutex = ours.locks->mutex("a");
  Model model;
  std::uint64_t token = 0;
  for (const Action action : actions) {
    if (action == Action::lock || action == Action::try_lock) {
      action == Action::lock ? mutex.lock() : RC_ASSERT(mutex.try_lock());
      if (model.held > 0) {
        RC_ASSERT(mutex.fencing_token() == token);
      } else {
        RC_ASSERT(mutex.fencing_token() > token);
      }
      token = mutex.fencing_token();
      ++model.held;
    } else if (action == Action::unlock) {
      mutex.unlock();
      if (model.stale > 0) {
        --model.stale;
      } else if (model.held > 0) {
        --model.held;
      }
    } else {
      RC_ASSERT(*ours.locks->force_unlock("a") == (model.held > 0));
      model.stale += std::exchange(model.held, 0);
    }
    RC_ASSERT(mutex.is_held() == (model.held > 0));
    RC_ASSERT(world.value_of("/locks/a").empty() == (model.held == 0));
    RC_ASSERT(theirs.locks->mutex("a").acquire(once()).has_value() == (model.held == 0));
    if (model.held == 0) token = world.node.statistics().index - 2;  // The rival's grant and release came after it.
  }
}

}  // namespace
}  // namespace deimos::lock_test
