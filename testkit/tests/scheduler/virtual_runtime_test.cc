#include <deimos/testkit/virtual_runtime.h>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;

TEST(VirtualRuntime, SleepsAnHourInNoTime) {
  VirtualRuntime runtime;
  const TimePoint before = runtime.now();
  EXPECT_TRUE(runtime.sleep_for(1h));
  EXPECT_EQ(runtime.now() - before, 1h);
}

TEST(VirtualRuntime, RunsTasksInTheOrderOfTheirDeadlines) {
  VirtualRuntime runtime;
  std::vector<std::string> order;
  const auto sleeper = [&](std::string name, Duration duration) {
    return runtime.spawn(name, [&, name, duration](std::stop_token) {
      runtime.sleep_for(duration);
      order.push_back(name);
    });
  };
  const auto three = sleeper("three", 3s);
  const auto one = sleeper("one", 1s);
  const auto two = sleeper("two", 2s);
  const auto also_two = sleeper("also two", 2s);
  runtime.sleep_for(3s);
  EXPECT_EQ(order, (std::vector<std::string>{"one", "two", "also two", "three"}));
}

TEST(VirtualRuntime, DestroyingATaskStopsItAndWaitsForItsEnd) {
  VirtualRuntime runtime;
  bool stopped = false;
  auto task = runtime.spawn("worker", [&](std::stop_token stop) {
    EXPECT_FALSE(runtime.sleep_for(1h, stop));
    runtime.sleep_for(5s);
    stopped = true;
  });
  runtime.sleep_for(1s);
  const TimePoint before = runtime.now();
  task.reset();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(runtime.now() - before, 5s);
}

TEST(VirtualRuntime, KeepsATaskThatDestroysItsOwnHandle) {
  bool ended = false;
  {
    VirtualRuntime runtime;
    std::unique_ptr<Task> task;
    task = runtime.spawn("suicidal", [&](std::stop_token stop) {
      task.reset();
      EXPECT_TRUE(stop.stop_requested());
      runtime.sleep_for(1s);
      ended = true;
    });
    runtime.sleep_for(1ms);
    EXPECT_EQ(task, nullptr);
    EXPECT_FALSE(ended);
  }
  EXPECT_TRUE(ended);
}

TEST(VirtualRuntime, LosesNoNotificationBetweenEpochAndWait) {
  VirtualRuntime runtime;
  const auto signal = runtime.make_signal();
  const std::uint64_t seen = signal->epoch();
  signal->notify();
  const TimePoint before = runtime.now();
  signal->wait(seen, TimePoint::max());
  EXPECT_EQ(runtime.now(), before);
}

TEST(VirtualRuntime, WakesEveryTaskThatWaitsForASignal) {
  VirtualRuntime runtime;
  const auto signal = runtime.make_signal();
  std::mutex mutex;
  bool ready = false;
  int woken = 0;
  std::vector<std::unique_ptr<Task>> tasks;
  for (int i = 0; i < 3; ++i) {
    tasks.push_back(runtime.spawn("waiter", [&](std::stop_token stop) {
      std::unique_lock lock(mutex);
      woken += wait_until(*signal, lock, TimePoint::max(), stop, runtime, [&] { return ready; }) ? 1 : 0;
    }));
  }
  runtime.sleep_for(1s);
  EXPECT_EQ(woken, 0);
  {
    const std::lock_guard lock(mutex);
    ready = true;
  }
  signal->notify();
  runtime.sleep_for(0s);
  runtime.sleep_for(1ns);
  EXPECT_EQ(woken, 3);
}

TEST(VirtualRuntime, GivesEachTaskAnIdentityOfItsOwn) {
  VirtualRuntime runtime;
  std::vector<TaskId> ids{runtime.current_task()};
  for (int i = 0; i < 2; ++i) {
    runtime.spawn("task", [&](std::stop_token) { ids.push_back(runtime.current_task()); }).reset();
  }
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_NE(ids[0], 0u);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
}

TEST(VirtualRuntime, DrawsTheSameNumbersForTheSameSeed) {
  VirtualRuntime a(7);
  VirtualRuntime b(7);
  VirtualRuntime c(8);
  const std::uint64_t first = a.random();
  EXPECT_EQ(first, b.random());
  EXPECT_NE(first, c.random());
  EXPECT_NE(first, a.random());
}

TEST(VirtualRuntime, ThrowsOutOfTheWaitWhenATaskEndedWithAnException) {
  VirtualRuntime runtime;
  const auto task = runtime.spawn("careless", [&](std::stop_token) {
    runtime.sleep_for(1s);
    throw std::runtime_error("no such file");
  });
  try {
    runtime.sleep_for(1min);
    FAIL() << "the exception was lost";
  } catch (const SimulationFailure& failure) {
    EXPECT_EQ(failure.kind(), SimulationFailure::Kind::escaped_exception);
    EXPECT_STREQ(failure.what(), "task careless ended with an exception at +1.000000000s: no such file");
    EXPECT_THROW(std::rethrow_exception(failure.cause()), std::runtime_error);
  }
}

TEST(VirtualRuntime, ThrowsInsteadOfWaitingForEver) {
  VirtualRuntime runtime;
  const auto signal = runtime.make_signal();
  EXPECT_THROW(signal->wait(signal->epoch(), TimePoint::max()), SimulationFailure);
}

}  // namespace
}  // namespace deimos::testkit
