// Tells holders that they have lost their lock, on tasks of its own, because it runs the users' code.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

namespace deimos {

/// Thread-safe.
class LossNotifier {
 public:
  explicit LossNotifier(Runtime& runtime);
  /// Starts the first task, so that a loss needs none to be started. May throw what Runtime::spawn throws. Each task
  /// keeps `self`, which owns this announcer, alive.
  void start(std::shared_ptr<void> self);
  /// Runs `announcement` soon. Starts another task if all are busy, up to a few.
  void announce(std::function<void()> announcement);
  /// Runs what was announced, then ends the tasks; if one of them calls it, that one ends when its announcement
  /// returns.
  void stop() noexcept;

 private:
  static constexpr std::size_t most_tasks = 8;
  class Running;
  void spawn() DEIMOS_REQUIRES(mutex_);
  void run(const std::stop_token& stop);

  Runtime& runtime_;
  const std::unique_ptr<Signal> arrived_;
  internal::LocalMutex mutex_;
  std::weak_ptr<void> self_ DEIMOS_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> announcements_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Task>> tasks_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t idle_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::size_t running_ DEIMOS_GUARDED_BY(mutex_) = 0;
  bool stopped_ DEIMOS_GUARDED_BY(mutex_) = false;
};

}  // namespace deimos
