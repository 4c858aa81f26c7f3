// A store, some clients of it and whatever can go wrong between them, under virtual time: what the tests of the locks
// stand on.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <deimos/client.h>
#include <deimos/deimos_backend.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>
#include <deimos/lock_manager.h>
#include <deimos/testkit/virtual_runtime.h>

namespace deimos::lock_test {

using namespace std::chrono_literals;

enum class Step {
  acquire,
  take_over,
  renew,
  release,
  force_release,
  wait,
  inspect,
  list,
  enqueue,
  places,
  wait_any,
  set_permanent,
};

/// What becomes of one step.
struct Fault {
  enum class Kind {
    none,
    lose_request,  ///< Never arrives; the caller waits until its deadline and does not know.
    lose_answer,   ///< Applied, but the caller waits until its deadline and does not know.
    late,          ///< As lose_request, but it arrives `delay` after it was sent.
    delay,         ///< Applied at once; the answer takes `delay`.
    overdue,       ///< Likewise, and it is given even after the deadline of the step.
    refuse,        ///< Certainly not applied: `code`, at once.
    confuse,       ///< Applied, but answered with `code`, at once.
    end_empty,     ///< A wait: the store ends it at once, without an event.
    forget,        ///< A wait: the store forgets the watcher.
  };
  Kind kind = Kind::none;
  Duration delay = {};
  errc code = errc::unavailable;
};

inline Fault lose_request() { return {.kind = Fault::Kind::lose_request}; }
inline Fault lose_answer() { return {.kind = Fault::Kind::lose_answer}; }
inline Fault arrive_late(Duration delay) { return {.kind = Fault::Kind::late, .delay = delay}; }
inline Fault delay_answer(Duration delay) { return {.kind = Fault::Kind::delay, .delay = delay}; }
inline Fault answer_overdue(Duration delay) { return {.kind = Fault::Kind::overdue, .delay = delay}; }
inline Fault refuse(errc code = errc::unavailable) { return {.kind = Fault::Kind::refuse, .code = code}; }
inline Fault confuse(errc code) { return {.kind = Fault::Kind::confuse, .code = code}; }

/// Another backend with faults on demand. Counts the steps that were asked for.
class FaultyBackend final : public LockBackend {
 public:
  FaultyBackend(std::shared_ptr<LockBackend> real, std::shared_ptr<Runtime> runtime)
      : real_(std::move(real)), runtime_(std::move(runtime)) {}

  /// The next step of that kind; each call adds one to a queue.
  void next(Step step, Fault fault) { queued_[step].push_back(fault); }
  /// All that are not queued.
  void always(Step step, Fault fault) { standing_[step] = fault; }
  void black_hole() {
    for (const Step step :
         {Step::acquire, Step::take_over, Step::renew, Step::release, Step::force_release, Step::wait, Step::inspect,
          Step::list, Step::enqueue, Step::places, Step::wait_any, Step::set_permanent}) {
      always(step, lose_request());
    }
  }
  void heal() {
    standing_.clear();
    queued_.clear();
  }
  /// Runs once, when the next step of that kind is about to be sent.
  void before(Step step, std::function<void()> action) { before_[step] = std::move(action); }

  [[nodiscard]] int count(Step step) const { return counts_.contains(step) ? counts_.at(step) : 0; }
  [[nodiscard]] int writes() const { return count(Step::acquire) + count(Step::take_over) + count(Step::release); }
  [[nodiscard]] int total() const {
    int sum = 0;
    for (const auto& [step, number] : counts_) sum += number;
    return sum;
  }
  [[nodiscard]] const std::vector<std::uint64_t>& waited_from() const { return waited_from_; }

  Result<std::variant<Granted, Refused>> acquire(const std::string& key, const std::string& token,
                                                 std::chrono::seconds ttl, const Deadline& until) override {
    return run<std::variant<Granted, Refused>>(
        Step::acquire, until, [=, this](const Deadline& within) { return real_->acquire(key, token, ttl, within); });
  }
  Result<Granted> take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                            const Deadline& until) override {
    return run<Granted>(Step::take_over, until,
                        [=, this](const Deadline& within) { return real_->take_over(expired, token, ttl, within); });
  }
  Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t revision,
                        std::chrono::seconds ttl, const Deadline& until) override {
    return run<Granted>(Step::renew, until,
                        [=, this](const Deadline& within) { return real_->renew(key, token, revision, ttl, within); });
  }
  Result<void> release(const std::string& key, const std::string& token, const Deadline& until) override {
    return run<void>(Step::release, until,
                     [=, this](const Deadline& within) { return real_->release(key, token, within); });
  }
  Result<void> force_release(const LockRecord& shown, const Deadline& until) override {
    return run<void>(Step::force_release, until,
                     [=, this](const Deadline& within) { return real_->force_release(shown, within); });
  }
  Result<std::optional<Change>> wait_for_change(const std::string& key, std::uint64_t from,
                                                const Deadline& until) override {
    waited_from_.push_back(from);
    return run<std::optional<Change>>(
        Step::wait, until, [=, this](const Deadline& within) { return real_->wait_for_change(key, from, within); });
  }
  Result<Inspection> inspect(const std::string& key, const Deadline& until) override {
    return run<Inspection>(Step::inspect, until,
                           [=, this](const Deadline& within) { return real_->inspect(key, within); });
  }
  Result<Listing> list(const std::string& prefix, const Deadline& until) override {
    return run<Listing>(Step::list, until, [=, this](const Deadline& within) { return real_->list(prefix, within); });
  }
  Result<LockRecord> enqueue(const std::string& queue, const std::string& token, std::chrono::seconds ttl,
                             const Deadline& until) override {
    return run<LockRecord>(Step::enqueue, until,
                           [=, this](const Deadline& within) { return real_->enqueue(queue, token, ttl, within); });
  }
  Result<Listing> places(const std::string& queue, const Deadline& until) override {
    return run<Listing>(Step::places, until,
                        [=, this](const Deadline& within) { return real_->places(queue, within); });
  }
  Result<std::optional<Change>> wait_for_any_change(const std::string& queue, std::uint64_t from,
                                                    const Deadline& until) override {
    return run<std::optional<Change>>(Step::wait_any, until, [=, this](const Deadline& within) {
      return real_->wait_for_any_change(queue, from, within);
    });
  }
  Result<void> set_permanent(const std::string& key, const std::string& text, const std::optional<LockRecord>& shown,
                             const Deadline& until) override {
    return run<void>(Step::set_permanent, until,
                     [=, this](const Deadline& within) { return real_->set_permanent(key, text, shown, within); });
  }

 private:
  template <typename Value>
  Result<Value> run(Step step, const Deadline& until, const std::function<Result<Value>(const Deadline&)>& apply) {
    ++counts_[step];
    if (auto action = std::exchange(before_[step], nullptr)) action();
    const Fault fault = take(step);
    using Kind = Fault::Kind;
    switch (fault.kind) {
      case Kind::none: return apply(until);
      case Kind::lose_request: return silence<Value>(until);
      case Kind::lose_answer: (void)apply(at_once()); return silence<Value>(until);
      case Kind::late:
        late_.push_back(runtime_->spawn("late request", [this, apply, fault](const std::stop_token& stop) {
          if (runtime_->sleep_for(fault.delay, stop)) (void)apply(at_once());
        }));
        return silence<Value>(until);
      case Kind::delay: {
        Result<Value> answer = apply(at_once());
        const TimePoint arrival = saturating_add(runtime_->now(), fault.delay);
        if (arrival >= until.at) return silence<Value>(until);
        return runtime_->sleep_until(arrival, until.stop) ? answer : silence<Value>(until);
      }
      case Kind::overdue: {
        Result<Value> answer = apply(at_once());
        runtime_->sleep_for(fault.delay);
        return answer;
      }
      case Kind::refuse: return fail(fault.code, "refused by the test");
      case Kind::confuse: (void)apply(at_once()); return fail(fault.code, "confused by the test");
      case Kind::end_empty:
        if constexpr (std::is_same_v<Value, std::optional<Change>>) return Value(std::nullopt);
        break;
      case Kind::forget:
        if constexpr (std::is_same_v<Value, std::optional<Change>>) {
          runtime_->sleep_until(until.at, until.stop);
          return Value(std::nullopt);
        }
        break;
    }
    return fail(errc::invalid_argument, "this step cannot have this fault");
  }

  template <typename Value>
  Result<Value> silence(const Deadline& until) {
    runtime_->sleep_until(until.at, until.stop);
    if (until.stop.stop_requested()) return fail(errc::cancelled, "by the caller");
    return fail(errc::outcome_unknown, "no answer");
  }
  [[nodiscard]] Deadline at_once() const { return {saturating_add(runtime_->now(), 1s), {}}; }
  Fault take(Step step) {
    auto& queue = queued_[step];
    if (queue.empty()) return standing_.contains(step) ? standing_.at(step) : Fault{};
    const Fault fault = queue.front();
    queue.pop_front();
    return fault;
  }

  const std::shared_ptr<LockBackend> real_;
  const std::shared_ptr<Runtime> runtime_;
  std::map<Step, std::deque<Fault>> queued_;
  std::map<Step, Fault> standing_;
  std::map<Step, std::function<void()>> before_;
  std::map<Step, int> counts_;
  std::vector<std::uint64_t> waited_from_;
  std::vector<std::unique_ptr<Task>> late_;
};

/// A client of the store: a manager of its own, over connections of its own.
struct Member {
  std::shared_ptr<FaultyBackend> faults;
  std::vector<LockEvent> events;
  std::optional<LockManager> locks;

  [[nodiscard]] int seen(LockEvent::Kind kind) const {
    int number = 0;
    for (const LockEvent& event : events) number += event.kind == kind ? 1 : 0;
    return number;
  }
};

struct WorldOptions {
  Duration sweep_interval = 500ms;
};

class World {
 public:
  explicit World(WorldOptions options = {})
      : runtime(std::make_shared<testkit::VirtualRuntime>(1)), clock_(*runtime), node(node_options(options, clock_)) {
    transport_ = std::make_shared<fake::InProcessTransport>(*runtime, node);
    driver_ = runtime->spawn("node", [this](const std::stop_token& stop) {
      while (runtime->sleep_for(50ms, stop)) node.run_due();
    });
  }

  /// Ends what still runs, such as callbacks for which no manager waited: it keeps the runtime alive.
  ~World() {
    members_.clear();
    driver_.reset();
    runtime->scheduler().shut_down();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// A new client. Its locks are under /locks, for 10 s unless the options say otherwise.
  Member& add(LockOptions options = {.ttl = 10s}) {
    Member& member = *members_.emplace_back(std::make_unique<Member>());
    member.faults = std::make_shared<FaultyBackend>(std::make_shared<DeimosBackend>(client()), runtime);
    options.on_event = [&member](const LockEvent& event) { member.events.push_back(event); };
    member.locks.emplace(member.faults, runtime, std::move(options));
    return member;
  }
  /// Straight to the store.
  [[nodiscard]] Client client(std::shared_ptr<Observer> observer = {}) {
    ClientOptions options;
    options.endpoints = {"http://127.0.0.1:4001"};
    options.runtime = runtime;
    options.transport = transport_;
    options.observer = std::move(observer);
    return Client(std::move(options));
  }
  /// What is stored at that key; empty if nothing is.
  [[nodiscard]] std::string value_of(const std::string& key) {
    const auto answer = client().get(key);
    return answer ? answer->node.value.value_or("") : "";
  }
  void sleep(Duration duration) { runtime->sleep_for(duration); }
  [[nodiscard]] Duration since(TimePoint start) const { return runtime->now() - start; }
  [[nodiscard]] std::unique_ptr<Task> spawn(std::string name, std::function<void()> body) {
    return runtime->spawn(std::move(name), [body = std::move(body)](const std::stop_token&) { body(); });
  }

 private:
  class RuntimeClock final : public fake::Clock {
   public:
    explicit RuntimeClock(const Runtime& runtime) : runtime_(runtime), start_(runtime.now()) {}
    [[nodiscard]] fake::Instant now() const noexcept override {
      return fake::ManualClock::epoch + (runtime_.now() - start_);
    }

   private:
    const Runtime& runtime_;
    const TimePoint start_;
  };
  static fake::NodeOptions node_options(const WorldOptions& options, const fake::Clock& clock) {
    fake::NodeOptions node;
    node.clock = &clock;
    node.sweep_interval = options.sweep_interval;
    return node;
  }

 public:
  const std::shared_ptr<testkit::VirtualRuntime> runtime;

 private:
  RuntimeClock clock_;

 public:
  fake::Node node;

 private:
  std::shared_ptr<fake::InProcessTransport> transport_;
  std::vector<std::unique_ptr<Member>> members_;
  std::unique_ptr<Task> driver_;
};

/// What a lease of 10 s leaves its holder: less 1 % and 500 ms.
constexpr Duration usable = 9400ms;

/// Two clients and one lock that both want.
class TwoMembers : public ::testing::Test {
 protected:
  World world;
  Member& ours = world.add();
  Member& theirs = world.add();
  Mutex mutex = ours.locks->mutex("a");
  Mutex rival = theirs.locks->mutex("a");
};

inline AcquireOptions once() {
  AcquireOptions options;
  options.wait = Duration::zero();
  return options;
}
inline AcquireOptions within(Duration wait) {
  AcquireOptions options;
  options.wait = wait;
  return options;
}

/// EXPECT_THAT(result, FailsWith(errc::closed))
MATCHER_P(FailsWith, code, "") {
  if (arg.has_value()) {
    *result_listener << "it succeeded";
    return false;
  }
  *result_listener << arg.error().describe();
  return arg.error().code == code;
}
MATCHER(Succeeds, "") {
  if (!arg.has_value()) *result_listener << arg.error().describe();
  return arg.has_value();
}

}  // namespace deimos::lock_test
