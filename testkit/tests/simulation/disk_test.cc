#include <deimos/testkit/disk.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

template <typename T>
std::error_code code_of(const Result<T>& result) {
  return result ? std::error_code() : result.error().code;
}
std::error_code code_of(std::errc code) { return std::make_error_code(code); }

/// What is on the disk after a process did `work` and crashed, for each of many seeds: `name=content name=content`.
template <typename Work>
std::multiset<std::string> found_after_crash(DiskOptions options, Work work) {
  std::multiset<std::string> found;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Simulation simulation({.seed = seed});
    simulation.spawn("worker",
                     [&](Process& process) {
                       work(process.disk());
                       process.sleep(1h);
                     },
                     {.disk = options});
    simulation.run_for(1s);
    simulation.crash("worker");
    std::string text;
    const std::vector<std::string> names = simulation.disk("worker").list().value();
    for (const std::string& name : names) {
      text += name + "=" + simulation.disk("worker").read(name).value() + " ";
    }
    found.insert(text);
  }
  return found;
}

std::set<std::string> distinct(const std::multiset<std::string>& all) { return {all.begin(), all.end()}; }

class DiskTest : public ::testing::Test {
 protected:
  /// A process at the disk, in each of its lives.
  void run(const std::function<void(Process&, Disk&)>& body, DiskOptions options = {}) {
    simulation.spawn("worker", [body](Process& process) { body(process, process.disk()); }, {.disk = options});
    simulation.run();
  }
  Simulation simulation{{.seed = 7}};
};

TEST_F(DiskTest, ReadsWhatWasWritten) {
  run([](Process&, Disk& disk) {
    EXPECT_TRUE(disk.write("a", "1"));
    EXPECT_TRUE(disk.write("b", "2"));
    EXPECT_TRUE(disk.append("b", "3"));
    EXPECT_TRUE(disk.append("log/1", "x"));
    EXPECT_EQ(disk.read("b").value(), "23");
    EXPECT_THAT(disk.list().value(), ElementsAre("a", "b", "log/1"));
    EXPECT_THAT(disk.list("log/").value(), ElementsAre("log/1"));
    EXPECT_TRUE(disk.rename("a", "b"));
    EXPECT_EQ(disk.read("b").value(), "1");
    EXPECT_TRUE(disk.remove("b"));
    EXPECT_THAT(disk.list().value(), ElementsAre("log/1"));
    EXPECT_EQ(code_of(disk.read("a")), code_of(std::errc::no_such_file_or_directory));
    EXPECT_EQ(code_of(disk.remove("a")), code_of(std::errc::no_such_file_or_directory));
    EXPECT_EQ(code_of(disk.rename("a", "c")), code_of(std::errc::no_such_file_or_directory));
    EXPECT_THAT(disk.list().value(), ElementsAre("log/1"));
  });
}

TEST_F(DiskTest, SurvivesItsProcess) {
  std::vector<std::string> read;
  run([&](Process& process, Disk& disk) {
    const std::string before = disk.read("lives").value_or("");
    read.push_back(before);
    EXPECT_TRUE(disk.write("lives", before + std::to_string(process.life())));
    EXPECT_TRUE(disk.sync());
  });
  simulation.restart("worker");
  simulation.run();
  simulation.restart("worker");
  simulation.run();
  EXPECT_THAT(read, ElementsAre("", "1", "12"));
}

TEST_F(DiskTest, KeepsWhatAProcessThatEndedByItselfDidNotSync) {
  run([&](Process&, Disk& disk) { EXPECT_TRUE(disk.write("a", "1")); });
  EXPECT_EQ(simulation.disk("worker").read("a").value(), "1") << "the machine has not lost its power";
}

TEST_F(DiskTest, TakesTimeToSync) {
  run(
      [&](Process&, Disk& disk) {
        EXPECT_TRUE(disk.write("a", "1"));
        EXPECT_EQ(simulation.elapsed(), 0s);
        EXPECT_EQ(disk.unsynced(), 1u);
        EXPECT_TRUE(disk.sync());
        EXPECT_EQ(simulation.elapsed(), 20ms);
        EXPECT_EQ(disk.unsynced(), 0u);
      },
      {.sync_time = 20ms});
}

TEST_F(DiskTest, DoesNotSyncWhatIsWrittenMeanwhile) {
  run([&](Process& process, Disk& disk) {
    EXPECT_TRUE(disk.write("a", "1"));
    const auto other = process.runtime().spawn("other", [&](std::stop_token) { EXPECT_TRUE(disk.write("b", "2")); });
    EXPECT_TRUE(disk.sync());
    EXPECT_EQ(disk.unsynced(), 1u);
  });
}

TEST_F(DiskTest, HasNothingForACrashToTakeOnceItIsSynced) {
  for (const UnsyncedLoss loss : {UnsyncedLoss::all, UnsyncedLoss::latest, UnsyncedLoss::some, UnsyncedLoss::torn}) {
    const auto found = distinct(found_after_crash({.at_crash = loss}, [](Disk& disk) {
      EXPECT_TRUE(disk.write("a", "1"));
      EXPECT_TRUE(disk.write("b", "2"));
      EXPECT_TRUE(disk.sync());
    }));
    EXPECT_THAT(found, ElementsAre("a=1 b=2 "));
  }
}

TEST_F(DiskTest, ThatCrashesInASyncHasNotSynced) {
  const auto found = distinct(found_after_crash({.sync_time = 1min, .at_crash = UnsyncedLoss::all}, [](Disk& disk) {
    EXPECT_TRUE(disk.write("a", "1"));
    EXPECT_TRUE(disk.sync());
  }));
  EXPECT_THAT(found, ElementsAre(""));
}

void write_three(Disk& disk) {
  EXPECT_TRUE(disk.write("a", "1"));
  EXPECT_TRUE(disk.write("b", "2"));
  EXPECT_TRUE(disk.write("c", "3"));
}

TEST_F(DiskTest, LosesAllAtACrash) {
  EXPECT_THAT(distinct(found_after_crash({.at_crash = UnsyncedLoss::all}, write_three)), ElementsAre(""));
}

TEST_F(DiskTest, LosesTheLatestAtACrash) {
  EXPECT_THAT(distinct(found_after_crash({.at_crash = UnsyncedLoss::latest}, write_three)),
              UnorderedElementsAre("", "a=1 ", "a=1 b=2 ", "a=1 b=2 c=3 "));
}

TEST_F(DiskTest, LosesEachByItselfAtACrash) {
  const auto found = found_after_crash({.at_crash = UnsyncedLoss::some}, write_three);
  EXPECT_THAT(distinct(found),
              UnorderedElementsAre("", "a=1 ", "b=2 ", "c=3 ", "a=1 b=2 ", "a=1 c=3 ", "b=2 c=3 ", "a=1 b=2 c=3 "));
  EXPECT_GT(found.count("b=2 "), 10u) << "of 200, 25 on average";
}

TEST_F(DiskTest, TearsWritesAtACrash) {
  const auto found = distinct(found_after_crash({.at_crash = UnsyncedLoss::torn}, [](Disk& disk) {
    EXPECT_TRUE(disk.write("a", "old"));
    EXPECT_TRUE(disk.sync());
    EXPECT_TRUE(disk.write("a", "new"));
  }));
  EXPECT_THAT(found, UnorderedElementsAre("a=old ", "a= ", "a=n ", "a=ne ", "a=new "));
}

TEST_F(DiskTest, TearsAppendsButNotWhatWasThereBefore) {
  const auto found = distinct(found_after_crash({.at_crash = UnsyncedLoss::torn}, [](Disk& disk) {
    EXPECT_TRUE(disk.write("a", "1"));
    EXPECT_TRUE(disk.sync());
    EXPECT_TRUE(disk.append("a", "23"));
  }));
  EXPECT_THAT(found, UnorderedElementsAre("a=1 ", "a=12 ", "a=123 "));
}

TEST_F(DiskTest, NeverTearsARename) {
  const auto replace = [](bool synced) {
    return distinct(found_after_crash({.at_crash = UnsyncedLoss::torn}, [synced](Disk& disk) {
      EXPECT_TRUE(disk.write("a", "old"));
      EXPECT_TRUE(disk.sync());
      EXPECT_TRUE(disk.write("new", "new"));
      if (synced) {
        EXPECT_TRUE(disk.sync());
      }
      EXPECT_TRUE(disk.rename("new", "a"));
    }));
  };
  EXPECT_THAT(replace(true), UnorderedElementsAre("a=new ", "a=old new=new "));
  EXPECT_THAT(replace(false), testing::Contains("a= ")) << "the classic: the new name of a file that never came";
}

TEST_F(DiskTest, SaysInTheHistoryWhatACrashTook) {
  simulation.at(1s, [&] { simulation.crash("worker"); });
  run(
      [](Process& process, Disk& disk) {
        write_three(disk);
        process.sleep(1h);
      },
      {.at_crash = UnsyncedLoss::all});
  EXPECT_THAT(simulation.history().tail(), HasSubstr("worker        3 of 3 operations that were not synced are lost"));
}

TEST_F(DiskTest, CanBeFull) {
  run(
      [&](Process&, Disk& disk) {
        EXPECT_TRUE(disk.write("a", "12345"));
        EXPECT_EQ(code_of(disk.write("b", "12345")), code_of(std::errc::no_space_on_device));
        EXPECT_EQ(code_of(disk.append("a", "123456")), code_of(std::errc::no_space_on_device));
        EXPECT_EQ(disk.read("a").value(), "12345") << "nothing has changed";
        EXPECT_TRUE(disk.append("a", "6789")) << "ten bytes with its name";
        EXPECT_TRUE(disk.write("a", "54321")) << "what it replaces does not count";
        EXPECT_TRUE(disk.write("b", "321"));
        EXPECT_TRUE(disk.rename("a", "b"));
        EXPECT_TRUE(disk.remove("b"));
        EXPECT_TRUE(disk.write("c", "123456789"));
        EXPECT_EQ(code_of(disk.write("a", "")), code_of(std::errc::no_space_on_device)) << "a name needs room too";
      },
      {.capacity = 10});
}

TEST_F(DiskTest, HasRoomAgainForWhatACrashTook) {
  simulation.spawn("worker",
                   [](Process& process) {
                     EXPECT_TRUE(process.disk().write("a", "123456789"));
                     process.sleep(1h);
                   },
                   {.disk = {.capacity = 10, .at_crash = UnsyncedLoss::all}});
  simulation.run_for(1s);
  simulation.restart("worker");
  simulation.run_for(1s);
  EXPECT_EQ(simulation.disk("worker").read("a").value(), "123456789");
}

TEST_F(DiskTest, LimitsFilesAndNames) {
  run(
      [&](Process&, Disk& disk) {
        EXPECT_TRUE(disk.write("a", "12345"));
        EXPECT_EQ(code_of(disk.write("a", "123456")), code_of(std::errc::file_too_large));
        EXPECT_EQ(code_of(disk.append("a", "6")), code_of(std::errc::file_too_large));
        EXPECT_EQ(code_of(disk.write("", "1")), code_of(std::errc::invalid_argument));
        EXPECT_EQ(code_of(disk.rename("a", "")), code_of(std::errc::invalid_argument));
        EXPECT_EQ(code_of(disk.write(std::string(256, 'x'), "1")), code_of(std::errc::filename_too_long));
        EXPECT_TRUE(disk.write(std::string(255, 'x'), "1"));
      },
      {.largest_file = 5});
}

TEST_F(DiskTest, FailsWhenItIsTold) {
  run([&](Process& process, Disk& disk) {
    EXPECT_TRUE(disk.write("a", "1"));
    simulation.disk("worker").set_fault(DiskFault::full);
    EXPECT_EQ(code_of(disk.write("a", "")), code_of(std::errc::no_space_on_device));
    EXPECT_EQ(disk.read("a").value(), "1");
    EXPECT_TRUE(disk.remove("a"));
    EXPECT_TRUE(disk.sync());
    simulation.disk("worker").set_fault(DiskFault::failing);
    EXPECT_EQ(code_of(disk.write("a", "1")), code_of(std::errc::io_error));
    EXPECT_EQ(code_of(disk.read("a")), code_of(std::errc::io_error));
    EXPECT_EQ(code_of(disk.list()), code_of(std::errc::io_error));
    EXPECT_EQ(code_of(disk.sync()), code_of(std::errc::io_error));
    simulation.disk("worker").set_fault(DiskFault::none);
    EXPECT_TRUE(disk.write("a", "2"));
    const auto fails = process.runtime().spawn(
        "fails", [&](std::stop_token) { simulation.disk("worker").set_fault(DiskFault::failing); });
    EXPECT_EQ(code_of(disk.sync()), code_of(std::errc::io_error)) << "it broke meanwhile";
    EXPECT_EQ(disk.unsynced(), 1u);
  });
  EXPECT_THAT(simulation.history().tail(), HasSubstr("worker        is full"));
}

TEST_F(DiskTest, MayLieAboutItsSyncs) {
  run([&](Process&, Disk& disk) {
    disk.set_fault(DiskFault::lying);
    EXPECT_TRUE(disk.write("a", "1"));
    EXPECT_TRUE(disk.sync());
    EXPECT_EQ(disk.unsynced(), 1u);
  });
}

TEST_F(DiskTest, WritesBackByItselfWhatIsNeverSynced) {
  run([&](Process&, Disk& disk) {
    for (std::size_t i = 0; i < Disk::most_unsynced + 5; ++i) EXPECT_TRUE(disk.append("log", "x"));
    EXPECT_EQ(disk.unsynced(), Disk::most_unsynced);
    disk.set_loss_at_crash(UnsyncedLoss::all);
    disk.lose_unsynced();
    EXPECT_EQ(disk.read("log").value(), "xxxxx");
  });
}

TEST_F(DiskTest, TakesNothingMoreFromAProcessThatWasKilled) {
  struct WritesAtTheEnd {
    explicit WritesAtTheEnd(Disk& its_disk) : disk(its_disk) {}
    ~WritesAtTheEnd() {
      EXPECT_FALSE(disk.write("a", "too late"));
      EXPECT_FALSE(disk.sync());
    }
    Disk& disk;
  };
  simulation.spawn("worker", [](Process& process) {
    const WritesAtTheEnd guard(process.disk());
    process.sleep(1h);
  });
  simulation.at(1s, [&] { simulation.crash("worker"); });
  simulation.run_for(2s);
  EXPECT_THAT(simulation.disk("worker").list().value(), IsEmpty());
}

TEST_F(DiskTest, RefusesWhatMakesNoSense) {
  EXPECT_THROW(simulation.spawn("worker", [](Process&) {}, {.disk = {.sync_time = -1s}}), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(simulation.disk("worker")), std::invalid_argument) << "it has changed nothing";
}

}  // namespace
}  // namespace deimos::testkit
