#include <deimos/testkit/fenced_storage.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <deimos/testkit/determinism.h>
#include <deimos/testkit/lock_history.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = StorageWrite::Outcome;

template <typename T>
std::error_code code_of(const Result<T>& result) {
  return result ? std::error_code() : result.error().code;
}

class FencedStorageTest : public ::testing::Test {
 protected:
  Result<void> write(std::uint64_t token, const std::string& value, const std::string& key = "report") {
    return storage->write(simulation.observer(), key, value, token);
  }
  Result<std::string> read(std::uint64_t token, const std::string& key = "report") {
    return storage->read(simulation.observer(), key, token);
  }
  void begin(const FencedStorageOptions& options = {}) { storage.emplace(simulation, "storage", options); }
  void restart() {
    simulation.crash("storage");
    simulation.restart("storage");
  }
  std::vector<Outcome> outcomes() {
    std::vector<Outcome> all;
    for (const StorageWrite& write : storage->history()) all.push_back(write.outcome);
    return all;
  }
  Simulation simulation{{.seed = 7}};
  std::optional<FencedStorage> storage;
};

TEST_F(FencedStorageTest, KeepsWhatIsWritten) {
  begin();
  EXPECT_EQ(code_of(read(1)), errc::key_not_found);
  EXPECT_TRUE(write(1, "one"));
  EXPECT_TRUE(write(1, "two\nlines", "other key"));
  EXPECT_EQ(read(1).value(), "one");
  EXPECT_EQ(read(1, "other key").value(), "two\nlines");
  EXPECT_TRUE(write(1, ""));
  EXPECT_EQ(read(1).value(), "");
}

TEST_F(FencedStorageTest, RefusesTokensOfThePast) {
  begin();
  EXPECT_TRUE(write(5, "five"));
  EXPECT_EQ(code_of(write(4, "four")), errc::lock_not_held);
  EXPECT_EQ(code_of(write(4, "four", "another key")), errc::lock_not_held) << "the lock guards all keys";
  EXPECT_EQ(code_of(read(4)), errc::lock_not_held);
  EXPECT_TRUE(write(5, "five again"));
  EXPECT_TRUE(write(6, "six"));
  EXPECT_THAT(outcomes(),
              ElementsAre(Outcome::applied, Outcome::refused, Outcome::refused, Outcome::applied, Outcome::applied));
  EXPECT_TRUE(no_late_write(storage->history()));
}

TEST_F(FencedStorageTest, RefusesTokensBelowOneThatOnlyRead) {
  begin();
  EXPECT_TRUE(write(4, "four"));
  EXPECT_EQ(read(5).value(), "four");
  EXPECT_EQ(code_of(write(4, "late")), errc::lock_not_held);
  restart();
  EXPECT_EQ(code_of(write(4, "late")), errc::lock_not_held) << "also after a crash";
}

TEST_F(FencedStorageTest, TakesAnythingWithoutFencing) {
  begin({.fencing = false});
  EXPECT_TRUE(write(5, "five"));
  EXPECT_TRUE(write(4, "four"));
  EXPECT_EQ(read(3).value(), "four");
  const Verdict verdict = no_late_write(storage->history());
  EXPECT_FALSE(verdict);
  EXPECT_THAT(verdict.what(), AllOf(HasSubstr("observer writes report, token 5: applied"),
                                    HasSubstr("observer writes report, token 4: applied")));
  EXPECT_EQ(verdict.at(), storage->history().back().at);
}

TEST_F(FencedStorageTest, BeginsFromItsDiskAfterACrash) {
  begin({.process = {.disk = {.at_crash = UnsyncedLoss::all}}});
  EXPECT_TRUE(write(5, "five"));
  restart();
  EXPECT_EQ(read(5).value(), "five");
  EXPECT_EQ(code_of(write(4, "four")), errc::lock_not_held);
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::applied, Outcome::refused));
}

TEST_F(FencedStorageTest, ForgetsTokensAtACrashIfItDoesNotSync) {
  begin({.sync = false, .process = {.disk = {.at_crash = UnsyncedLoss::all}}});
  EXPECT_TRUE(write(5, "five"));
  restart();
  EXPECT_TRUE(write(4, "four"));
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::lost, Outcome::applied));
  EXPECT_FALSE(no_late_write(storage->history())) << "four was written over five, which somebody may have read";
}

TEST_F(FencedStorageTest, TellsWhatBecameOfAWriteThatACrashInterrupted) {
  int applied = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Simulation other({.seed = seed});
    FencedStorage kept(other, "storage", {.process = {.disk = {.sync_time = 100ms, .at_crash = UnsyncedLoss::some}}});
    std::error_code code;
    other.spawn("writer", [&](Process& process) {
      process.sleep(1s);
      code = code_of(kept.write(process, "report", "x", 1));
    });
    other.at(1s + 150ms, [&] { other.crash("storage"); });  // In the second sync, that of the rename.
    other.at(2s, [&] { other.restart("storage"); });
    other.run_for(3s);
    EXPECT_EQ(code, errc::outcome_unknown);
    ASSERT_EQ(kept.history().size(), 1u);
    const bool is_there = kept.read(other.observer(), "report", 1).has_value();
    EXPECT_EQ(kept.history()[0].outcome, is_there ? Outcome::applied : Outcome::failed);
    applied += is_there ? 1 : 0;
  }
  EXPECT_GT(applied, 10);
  EXPECT_LT(applied, 40);
}

TEST_F(FencedStorageTest, WritesNothingToADiskThatIsBroken) {
  begin();
  EXPECT_TRUE(write(1, "one"));
  simulation.disk("storage").set_fault(DiskFault::full);
  EXPECT_EQ(code_of(write(2, "two")), std::make_error_code(std::errc::no_space_on_device));
  EXPECT_EQ(read(1).error().code, errc::lock_not_held) << "two was here";
  simulation.disk("storage").set_fault(DiskFault::failing);
  restart();
  simulation.run_for(1s);
  EXPECT_EQ(code_of(write(2, "two")), errc::unavailable) << "it does not begin before it can read its disk";
  simulation.disk("storage").set_fault(DiskFault::none);
  simulation.run_for(1s);
  EXPECT_EQ(read(2).value(), "one");
  EXPECT_THAT(outcomes(), ElementsAre(Outcome::applied, Outcome::failed));
}

TEST_F(FencedStorageTest, DoesOneWriteAfterAnother) {
  begin({.process = {.disk = {.sync_time = 50ms}}});
  for (std::uint64_t token = 1; token <= 5; ++token) {
    simulation.spawn("writer" + std::to_string(token), [this, token](Process& process) {
      static_cast<void>(storage->write(process, "report", std::to_string(token), token));
    });
  }
  simulation.run();
  EXPECT_TRUE(no_late_write(storage->history()));
  EXPECT_EQ(read(5).value(), "5");
}

TEST_F(FencedStorageTest, RefusesWhatMakesNoSense) {
  begin();
  EXPECT_EQ(code_of(write(1, "x", "")), errc::invalid_key);
  EXPECT_EQ(code_of(write(1, "x", "two\nlines")), errc::invalid_key);
  EXPECT_EQ(code_of(write(1, "x", std::string(201, 'k'))), errc::invalid_key);
  EXPECT_EQ(code_of(write(0, "x")), errc::invalid_argument) << "no lock gives the token 0";
  for (const char* text :
       {"", "write", "write 1", "write x key\nvalue", "delete 1 key", "read 1 ", "write 99999999999999999999 k\nv"}) {
    EXPECT_EQ(code_of(simulation.observer().call("storage", text, 1s)), errc::invalid_argument) << text;
  }
}

Tenure granted(const std::string& process, const std::string& lock, std::uint64_t token, Duration at) {
  Tenure tenure;
  tenure.owner.process = process;
  tenure.lock = lock;
  tenure.fencing_token = token;
  tenure.granted = at;
  return tenure;
}

TEST(LateWriteChecker, MayAskForMoreThanFencingCanGive) {
  const std::vector<StorageWrite> writes = {{2s, "old", "report", "x", 5, Outcome::applied},
                                            {4s, "old", "report", "y", 5, Outcome::applied}};
  LockHistory locks;
  locks.tenures.push_back(granted("old", "reports", 5, 1s));
  EXPECT_TRUE(no_late_write(writes, locks, "reports"));
  locks.tenures.push_back(granted("new", "other", 6, 3s));
  EXPECT_TRUE(no_late_write(writes, locks, "reports"));
  locks.tenures.push_back(granted("new", "reports", 6, 3s));
  EXPECT_TRUE(no_late_write(writes));
  const Verdict verdict = no_late_write(writes, locks, "reports");
  EXPECT_FALSE(verdict);
  EXPECT_EQ(verdict.at(), 4s);
}

TEST(FencedStorageUnderFaults, IsTheSameForTheSameSeed) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto divergence = check_determinism({.seed = seed, .links = {.request_loss = 0.1, .duplication = 0.3}},
                                              [&](Simulation& simulation) {
                                                const FencedStorage storage(simulation);
                                                simulation.spawn("a", [&](Process& process) {
                                                  for (std::uint64_t i = 1; i < 30; ++i)
                                                    static_cast<void>(storage.write(process, "k", "v", i, 50ms));
                                                });
                                                simulation.at(20ms, [&] { simulation.restart("storage"); });
                                                simulation.run();
                                              });
    EXPECT_FALSE(divergence) << divergence->report;
  }
}

}  // namespace
}  // namespace deimos::testkit
