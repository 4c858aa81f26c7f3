#include <deimos/thread_runtime.h>

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

namespace deimos {
namespace {

using namespace std::chrono_literals;

TEST(ThreadRuntime, ANotifyBetweenEpochAndWaitIsNotLost) {
  ThreadRuntime runtime;
  const auto signal = runtime.make_signal();
  const std::uint64_t seen = signal->epoch();
  signal->notify();
  signal->wait(seen, TimePoint::max());  // Would block for ever.
}

TEST(ThreadRuntime, AWaitEndsAtItsDeadline) {
  ThreadRuntime runtime;
  const auto signal = runtime.make_signal();
  const TimePoint deadline = runtime.now() + 2ms;
  while (runtime.now() < deadline) signal->wait(signal->epoch(), deadline);
  EXPECT_GE(runtime.now(), deadline);
}

TEST(ThreadRuntime, AWaitForANotifyOfAnotherTaskSeesWhatThatTaskWrote) {
  ThreadRuntime runtime;
  const auto signal = runtime.make_signal();
  std::mutex mutex;
  bool ready = false;
  const auto task = runtime.spawn("notifier", [&](const std::stop_token&) {
    {
      const std::lock_guard lock(mutex);
      ready = true;
    }
    signal->notify();
  });
  std::unique_lock lock(mutex);
  EXPECT_TRUE(wait_until(*signal, lock, TimePoint::max(), {}, runtime, [&] { return ready; }));
}

TEST(ThreadRuntime, SleepEndsAtOnceWhenStopped) {
  ThreadRuntime runtime;
  std::stop_source source;
  const auto stopper = runtime.spawn("stopper", [&](const std::stop_token&) { source.request_stop(); });
  EXPECT_FALSE(runtime.sleep_until(TimePoint::max(), source.get_token()));
}

TEST(ThreadRuntime, DestroyingATaskStopsItAndWaitsForItsEnd) {
  ThreadRuntime runtime;
  std::atomic<bool> ended = false;
  auto task = runtime.spawn("sleeper", [&](const std::stop_token& stop) {
    runtime.sleep_until(TimePoint::max(), stop);
    ended = true;
  });
  task.reset();
  EXPECT_TRUE(ended);
}

TEST(ThreadRuntime, WaitsForATaskThatDestroyedItself) {
  std::atomic<bool> ended = false;
  std::atomic<bool> assigned = false;
  std::atomic<bool> gone = false;
  std::unique_ptr<Task> task;
  {
    ThreadRuntime runtime;
    task = runtime.spawn("suicidal", [&](const std::stop_token& stop) {
      assigned.wait(false);
      task.reset();
      EXPECT_TRUE(stop.stop_requested());
      gone = true;
      gone.notify_one();
      std::this_thread::yield();
      ended = true;
    });
    assigned = true;
    assigned.notify_one();
    gone.wait(false);
  }
  EXPECT_TRUE(ended);
}

TEST(ThreadRuntime, MayDieOnOneOfItsOwnTasks) {
  // All that the task uses is its own, as nobody is left to wait for it.
  struct Shared {
    std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
    std::unique_ptr<Task> task;
    std::atomic<bool> assigned = false;
    std::atomic<bool> runtime_gone = false;
  };
  const auto shared = std::make_shared<Shared>();
  shared->task = shared->runtime->spawn("last one", [shared](const std::stop_token&) {
    shared->assigned.wait(false);
    shared->task.reset();
    shared->runtime.reset();
    shared->runtime_gone = true;
    shared->runtime_gone.notify_one();
  });
  shared->assigned = true;
  shared->assigned.notify_one();
  shared->runtime_gone.wait(false);
  EXPECT_EQ(shared->runtime, nullptr);
}

TEST(ThreadRuntime, TellsTasksApart) {
  ThreadRuntime runtime;
  const TaskId mine = runtime.current_task();
  EXPECT_NE(mine, 0U);
  EXPECT_EQ(runtime.current_task(), mine);
  std::atomic<TaskId> others = mine;
  runtime.spawn("other", [&](const std::stop_token&) { others = runtime.current_task(); }).reset();
  EXPECT_NE(others, mine);
  EXPECT_NE(others, 0U);
}

TEST(ThreadRuntime, DrawsNumbersFromAllOf64Bits) {
  ThreadRuntime runtime;
  std::set<std::uint64_t> drawn;
  std::uint64_t ones = 0;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t number = runtime.random();
    drawn.insert(number);
    ones |= number;
  }
  EXPECT_EQ(drawn.size(), 64U);
  EXPECT_EQ(ones, ~std::uint64_t{0});
}

TEST(SaturatingAdd, HoldsAtTheEndsOfTime) {
  EXPECT_EQ(saturating_add(TimePoint(1s), Duration::max()), TimePoint::max());
  EXPECT_EQ(saturating_add(TimePoint(-1s), Duration::min()), TimePoint::min());
  EXPECT_EQ(saturating_add(TimePoint(1s), 2s), TimePoint(3s));
}

TEST(ThreadRuntime, AnInstantLongPastIsNotWaitedFor) {
  ThreadRuntime runtime;
  EXPECT_TRUE(runtime.sleep_until(TimePoint::min()));
  EXPECT_TRUE(runtime.sleep_for(Duration::min()));
}

TEST(ThreadRuntime, NeverGivesATaskTheNameOfOneBefore) {
  ThreadRuntime runtime;
  std::set<TaskId> seen;
  for (int i = 0; i < 200; ++i) {
    TaskId id = 0;
    std::jthread([&] { id = runtime.current_task(); }).join();
    EXPECT_NE(id, 0U);
    EXPECT_TRUE(seen.insert(id).second) << "thread " << i << " has the name of an earlier one";
  }
}

}  // namespace
}  // namespace deimos
