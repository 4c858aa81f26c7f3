// A write of an old holder that reaches a storage when another holds the lock: why fencing tokens are needed. The lock
// can do nothing about it; the storage can.
#include <deimos/testkit/fenced_storage.h>

#include "scenario.h"

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class LateWrite : public ScenarioTest, public ::testing::WithParamInterface<bool> {
 protected:
  /// The holder looks whether it holds the lock, works for a moment at 5 s, and writes; the heir writes when it gets
  /// the lock, and waits until the holder's write has come.
  void run() {
    spawn("holder", {1, 2, 3}, [&](Process& process) {
      const auto hold = acquire(process).value();
      process.sleep(5s - elapsed());
      EXPECT_TRUE(hold.is_held());
      process.sleep(10ms);
      holders_write_ = storage_.write(process, "report", "holder's", hold.fencing_token(), 5min);
    });
    spawn("heir", {1, 2, 3}, [&](Process& process) {
      process.sleep(1s);
      const auto hold = acquire(process).value();
      EXPECT_TRUE(storage_.write(process, "report", "heir's", hold.fencing_token()));
      process.sleep(4min - elapsed());
      EXPECT_TRUE(hold.is_held());
      final_ = storage_.read(process, "report", hold.fencing_token()).value();
    });
    simulation.run();
    EXPECT_THAT(storage_.history(), testing::SizeIs(testing::Ge(2u)));
  }
  void expect_harm_without_fencing_only() {
    const Verdict verdict = no_late_write(storage_.history());
    EXPECT_EQ(verdict.ok(), GetParam()) << verdict.what();
    EXPECT_EQ(final_, GetParam() ? "heir's" : "holder's");
    if (!GetParam()) {
      EXPECT_THAT(verdict.what(), HasSubstr("holder writes report, token"));
      EXPECT_EQ(verdict.at(), storage_.history().back().at);
    }
  }

  FencedStorage storage_{simulation, "storage", {.fencing = GetParam()}};
  Result<void> holders_write_;
  std::string final_;
};

TEST_P(LateWrite, OfAHolderThatStoodStill) {
  simulation.at(5s + 5ms, [&] { simulation.pause("holder", 2min); });
  run();
  expect_harm_without_fencing_only();
  EXPECT_EQ(code_of(holders_write_), GetParam() ? errc::lock_not_held : std::error_code());
}

TEST_P(LateWrite, ThatWasLongUnderWay) {
  simulation.at(
      1s, [&] { simulation.network().set_link("holder", "storage", {.latency_min = 1min, .latency_max = 1min}); });
  // It cannot renew its lease while it waits for the answer.
  simulation.at(6s, [&] {
    for (const int node : {1, 2, 3}) simulation.network().cut("holder", node);
  });
  run();
  expect_harm_without_fencing_only();
}

TEST_P(LateWrite, ToAStorageThatStoodStill) {
  simulation.at(5s, [&] { simulation.pause("storage", 1min); });
  run();
  EXPECT_EQ(final_, "heir's") << "the storage takes them in the order in which they came";
  EXPECT_TRUE(no_late_write(storage_.history()));
}

INSTANTIATE_TEST_SUITE_P(Fencing, LateWrite, testing::Bool(),
                         [](const auto& test) { return test.param ? "IsRefused" : "OffIsApplied"; });

}  // namespace
}  // namespace deimos::testkit
