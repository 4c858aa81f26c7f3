#include <deimos/testkit/linearizability.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include <gmock/gmock.h>

#include <deimos/testkit/random.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Value = Operation::Value;
using Answer = Linearizability::Answer;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// A history as it is told: each call and each return one nanosecond after the last.
class Story {
 public:
  OperationHistory::Id write(std::int64_t process, const std::string& value, const std::string& key = "x") {
    return history_.call(process, Kind::write, key, value, next());
  }
  OperationHistory::Id read(std::int64_t process, const std::string& key = "x") {
    return history_.call(process, Kind::read, key, {}, next());
  }
  OperationHistory::Id swap(std::int64_t process, const Value& from, const std::string& to) {
    return history_.call(process, Kind::compare_and_swap, "x", to, next(), from);
  }
  void ok(OperationHistory::Id id, const Value& read = {}) { history_.finish(id, Outcome::ok, next(), read); }
  void failed(OperationHistory::Id id) { history_.finish(id, Outcome::failed, next()); }
  void unknown(OperationHistory::Id id) { history_.finish(id, Outcome::unknown, next()); }
  void write_all(std::int64_t process, const std::string& value) { ok(write(process, value)); }
  void read_all(std::int64_t process, const Value& value) { ok(read(process), value); }
  [[nodiscard]] Linearizability check(const SearchBudget& budget = {}) const {
    return check_linearizability(history_, budget);
  }
  [[nodiscard]] const OperationHistory& history() const { return history_; }

 private:
  Duration next() { return now_ += 1ns; }
  OperationHistory history_;
  Duration now_{};
};

TEST(Linearizable, ReadsSeeTheLastWrite) {
  Story story;
  story.read_all(1, {});
  story.write_all(1, "a");
  story.read_all(2, "a");
  EXPECT_EQ(story.check().answer, Answer::linearizable);
}

TEST(Linearizable, AReadThatOverlapsAWriteMaySeeEither) {
  for (const Value& seen : {Value(), Value("a")}) {
    Story story;
    const auto write = story.write(1, "a");
    story.read_all(2, seen);
    story.ok(write);
    EXPECT_EQ(story.check().answer, Answer::linearizable);
  }
}

TEST(Linearizable, AStaleReadIsFoundAndNamed) {
  Story story;
  story.write_all(1, "a");
  story.write_all(1, "b");
  story.read_all(2, "a");
  const Linearizability verdict = story.check();
  EXPECT_EQ(verdict.answer, Answer::violated);
  EXPECT_EQ(verdict.longest.size(), 2U);
  EXPECT_EQ(verdict.stuck.process, 2);
  EXPECT_THAT(verdict.describe(), AllOf(HasSubstr("key x"), HasSubstr("write x = b"), HasSubstr("read x = a")));
}

TEST(Linearizable, OnceSeenAnOverlappingWriteStaysSeen) {
  Story story;
  const auto write = story.write(1, "a");
  story.read_all(2, "a");
  story.read_all(3, {});
  story.ok(write);
  EXPECT_EQ(story.check().answer, Answer::violated);
}

TEST(Linearizable, AnUnknownWriteMayActLateOrNever) {
  Story story;
  story.write_all(1, "a");
  story.unknown(story.write(2, "b"));
  story.read_all(1, "a");
  story.read_all(1, "b");
  EXPECT_EQ(story.check().answer, Answer::linearizable);
  story.read_all(1, "a");
  EXPECT_EQ(story.check().answer, Answer::violated) << "it acts once";
}

TEST(Linearizable, AWriteThatFailedNeverActs) {
  Story story;
  story.failed(story.write(1, "a"));
  story.read_all(1, {});
  EXPECT_EQ(story.check().answer, Answer::linearizable);
  story.read_all(1, "a");
  EXPECT_EQ(story.check().answer, Answer::violated);
}

TEST(Linearizable, OfTwoSwapsFromOneValueOneSucceeds) {
  Story story;
  story.ok(story.swap(1, {}, "a"));
  const auto one = story.swap(1, "a", "b");
  const auto other = story.swap(2, "a", "c");
  story.ok(one);
  story.ok(other);
  EXPECT_EQ(story.check().answer, Answer::violated);
}

TEST(Linearizable, AChainOfUnknownSwapsIsFollowed) {
  Story story;
  story.unknown(story.swap(1, "b", "c"));
  story.unknown(story.swap(2, "a", "b"));
  story.write_all(3, "a");
  story.read_all(3, "c");
  EXPECT_EQ(story.check().answer, Answer::linearizable);
}

TEST(Linearizable, KeysAreCheckedAlone) {
  Story story;
  story.ok(story.write(1, "a", "x"));
  story.ok(story.read(1, "y"), {});
  EXPECT_EQ(story.check().answer, Answer::linearizable);
  story.ok(story.read(1, "y"), "a");
  EXPECT_EQ(story.check().answer, Answer::violated);
  EXPECT_EQ(story.check().key, "y");
}

TEST(Linearizable, ABudgetThatIsTooSmallGivesNoVerdict) {
  Story story;
  for (int i = 0; i < 100; ++i) story.write_all(1, std::to_string(i));
  EXPECT_EQ(story.check({.steps = 10}).answer, Answer::unknown);
  EXPECT_EQ(story.check({.memory_bytes = 100}).answer, Answer::unknown);
  bool asked = false;
  const auto stop = [&] { return asked = true; };
  for (int i = 0; i < 5000; ++i) story.write_all(1, std::to_string(i));
  EXPECT_EQ(story.check({.stop = stop}).answer, Answer::unknown);
  EXPECT_TRUE(asked);
  EXPECT_THAT(story.check({.steps = 10}).describe(), HasSubstr("key x"));
}

/// Tries every order of every choice of what took effect.
bool some_order_explains(const OperationHistory& history) {
  std::vector<const Operation*> left;
  for (const Operation& one : history.operations()) {
    if (one.outcome != Outcome::failed) left.push_back(&one);
  }
  const std::function<bool(const Value&, std::vector<const Operation*>)> explain =
      [&](const Value& state, const std::vector<const Operation*>& rest) {
        const auto certain = [](const Operation* one) { return one->outcome == Outcome::ok; };
        if (std::none_of(rest.begin(), rest.end(), certain)) return true;
        for (const Operation* next : rest) {
          const bool too_early = std::any_of(rest.begin(), rest.end(), [&](const Operation* other) {
            return other != next && certain(other) && other->returned < next->called;
          });
          if (too_early) continue;
          if (next->kind == Kind::read && certain(next) && next->value != state) continue;
          if (next->kind == Kind::compare_and_swap && next->expected != state) continue;
          std::vector<const Operation*> others;
          std::copy_if(rest.begin(), rest.end(), std::back_inserter(others), [&](auto* one) { return one != next; });
          if (explain(next->kind == Kind::read ? state : next->value, others)) return true;
        }
        return false;
      };
  return explain({}, left);
}

/// Short and crowded, mostly right and sometimes not: a register that answers, and now and then lies.
Story random_story(std::uint64_t seed) {
  RandomStream random(seed, "story");
  Story story;
  struct Open {
    OperationHistory::Id id;
    std::int64_t process;
    Kind kind;
    Value value, from;
  };
  std::vector<Open> open;
  Value state;
  std::int64_t fresh = 0;
  const auto draw_value = [&] { return std::string(1, static_cast<char>('a' + random.below(2))); };
  for (int step = 0; step < 14; ++step) {
    if (open.size() < 3 && random.chance(0.5)) {
      const auto kind = static_cast<Kind>(random.below(3));
      Open next{.id = 0, .process = ++fresh, .kind = kind, .value = draw_value(), .from = {}};
      if (random.chance(0.8)) next.from = draw_value();
      next.id = kind == Kind::read    ? story.read(next.process)
                : kind == Kind::write ? story.write(next.process, *next.value)
                                      : story.swap(next.process, next.from, *next.value);
      open.push_back(next);
    } else if (!open.empty()) {
      const std::size_t at = random.below(open.size());
      const Open done = open[at];
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      const bool acts = done.kind == Kind::write || (done.kind == Kind::compare_and_swap && state == done.from);
      if (random.chance(0.25)) {
        if (acts && random.chance(0.5)) state = done.value;
        story.unknown(done.id);
      } else if (done.kind == Kind::read) {
        story.ok(done.id, random.chance(0.2) ? Value(draw_value()) : state);
      } else if (acts || random.chance(0.1)) {
        state = done.value;
        story.ok(done.id);
      } else {
        story.failed(done.id);
      }
    }
  }
  return story;
}

TEST(Linearizable, AgreesWithTryingEveryOrder) {
  int violated = 0;
  constexpr int runs = 3000;
  for (int seed = 0; seed < runs; ++seed) {
    const Story story = random_story(static_cast<std::uint64_t>(seed));
    const bool expected = some_order_explains(story.history());
    std::ostringstream text;
    story.history().write(text);
    ASSERT_EQ(story.check().answer == Answer::linearizable, expected) << "seed " << seed << "\n" << text.str();
    violated += expected ? 0 : 1;
  }
  EXPECT_GT(violated, runs / 20);
  EXPECT_LT(violated, runs * 19 / 20);
}

/// What clients of a cluster see of one key, while its leader is cut off for a while.
OperationHistory seen_under_faults(std::uint64_t seed, fake::ReadMode mode) {
  Simulation simulation({.seed = seed, .nodes = 3, .cluster = {.read_mode = mode}});
  OperationHistory history;
  for (int number = 1; number <= 3; ++number) {
    simulation.spawn("client" + std::to_string(number), [&, number](Process& process) {
      std::int64_t name = number;
      for (int i = 0; i < 15; ++i) {
        process.sleep(process.random().between(Duration(0), Duration(800ms)));
        const bool reads = process.random().chance(0.6);
        const std::string value = std::to_string(number) + "." + std::to_string(i);
        const auto id = history.call(name, reads ? Kind::read : Kind::write, "/x", value, simulation.elapsed());
        const auto answer = reads ? process.client().get("/x") : process.client().set("/x", value);
        const bool missing = !answer && answer.error().code == errc::key_not_found;
        const Outcome outcome = answer || missing ? Outcome::ok : reads ? Outcome::failed : Outcome::unknown;
        history.finish(id, outcome, simulation.elapsed(), answer && reads ? Value(answer->node.value) : Value());
        if (outcome == Outcome::unknown) name += 100;
      }
    });
  }
  simulation.at(4s, [&] { simulation.cluster().isolate(simulation.cluster().leader()); });
  simulation.at(9s, [&] { simulation.cluster().heal(); });
  simulation.run();
  return history;
}

TEST(Linearizable, ReadsThroughConsensusAreAndLocalOnesAreNot) {
  int violated = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Linearizability verdict = check_linearizability(seen_under_faults(seed, fake::ReadMode::consensus));
    EXPECT_EQ(verdict.answer, Answer::linearizable) << "seed " << seed << ": " << verdict.describe();
    if (check_linearizability(seen_under_faults(seed, fake::ReadMode::local)).answer == Answer::violated) ++violated;
  }
  EXPECT_GT(violated, 0) << "a node that reads alone shows the past";
}

}  // namespace
}  // namespace deimos::testkit
