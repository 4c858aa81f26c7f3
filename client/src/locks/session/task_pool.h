// Runs jobs on tasks of its own, which it starts as they are needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

namespace deimos {

/// Thread-safe. Jobs are called, copied and destroyed under no mutex.
class TaskPool {
 public:
  /// Starts up to `most_tasks`, and keeps up to `most_idle` that have nothing to do, at least 1.
  TaskPool(Runtime& runtime, std::string name, std::size_t most_tasks, std::size_t most_idle);

  /// Starts the first task, so that a job needs none to be started. May throw what Runtime::spawn throws. Each task
  /// keeps `self`, which owns this pool, alive.
  void start(std::shared_ptr<void> self);
  /// Runs `job` soon: at once on a task of its own, unless `most_tasks` are busy or no other can be started.
  void submit(std::function<void()> job);
  /// Ends the tasks, but first what was submitted. Waits for that until `deadline`, but not for the calling task; what
  /// still runs then ends by itself.
  void stop(TimePoint deadline) noexcept;

 private:
  class Busy;
  void spawn() DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] std::unique_ptr<Task> take_handle(std::uint64_t number) DEIMOS_REQUIRES(mutex_);
  void run(std::uint64_t number, const std::stop_token& stop);
  /// Waits for a job; none if this task is not needed any more.
  [[nodiscard]] std::function<void()> next(const std::stop_token& stop);

  Runtime& runtime_;
  const std::string name_;
  const std::size_t most_tasks_;
  const std::size_t most_idle_;
  const std::unique_ptr<Signal> changed_;
  internal::LocalMutex mutex_;
  std::weak_ptr<void> self_ DEIMOS_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> jobs_ DEIMOS_GUARDED_BY(mutex_);
  std::map<std::uint64_t, std::unique_ptr<Task>> tasks_ DEIMOS_GUARDED_BY(mutex_);
  std::uint64_t last_number_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, TaskId> running_ DEIMOS_GUARDED_BY(mutex_);  // 0 until it has begun.
  std::size_t idle_ DEIMOS_GUARDED_BY(mutex_) = 0;
  bool stopped_ DEIMOS_GUARDED_BY(mutex_) = false;
  bool joins_ DEIMOS_GUARDED_BY(mutex_) = false;  // stop() waits, and takes the handles of those that end.
};

}  // namespace deimos
