// Finds the task that blocks its OS thread for real, and with it all the others: a second thread looks again and again
// whether the first has come back from the task that it ran when last looked at.
//
// One for each OS thread that runs schedulers, made when it first does and kept until the thread ends: to start and end
// a thread for each of them would cost more than a small simulation does. While nothing runs, it sleeps.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>

#include "scheduler/thread_activity.h"
#include "scheduler/wake_up.h"

namespace deimos::testkit {

class Fiber;
class History;

/// What a scheduler runs, published by the thread that does for the one that looks. Turns are counted: odd while a task
/// or a timer's action runs, even in between.
class Turn {
 public:
  /// `fiber` null: a timer's action.
  void begin(const Fiber* fiber, Duration at) noexcept {
    // What is looked at may be a later turn than it seemed, so its fiber must be complete by itself.
    fiber_.store(fiber, std::memory_order_release);
    at_.store(at.count(), std::memory_order_relaxed);
    count_ = (count_ | 1) + 2;  // Also after a turn that ended with an exception.
    number_.store(count_, std::memory_order_release);
  }
  /// Whether the watch has found something about it; to be asked before its end.
  [[nodiscard]] bool noticed() const noexcept { return noticed_.load(std::memory_order_acquire) == count_; }
  void end() noexcept { number_.store(++count_, std::memory_order_release); }

 private:
  friend class BlockWatch;
  std::uint64_t count_ = 0;  // For the one who writes.
  std::atomic<std::uint64_t> number_{0};
  std::atomic<const Fiber*> fiber_{nullptr};
  std::atomic<Duration::rep> at_{0};
  std::atomic<std::uint64_t> noticed_{0};  // The last that the watch had something to say about.
};

/// How a scheduler wants to be watched.
struct WatchOrder {
  Duration limit = {};                             ///< See SchedulerOptions::block_limit.
  std::function<void(const std::string&)> report;  ///< See SchedulerOptions::on_blocked. Not null.
  const History* history = nullptr;                ///< For the last words of the program.
};

/// Where reports go by default; not through a stream, which may be what the task is blocked on.
void write_to_standard_error(const std::string& report);

class BlockWatch {
 public:
  /// How often it looks. Time is counted in looks: a program that a debugger stops does not age.
  static constexpr std::chrono::milliseconds interval{20};

  /// That of the calling thread; null in the child of a process that had one.
  static std::shared_ptr<BlockWatch> of_this_thread();

  BlockWatch();
  ~BlockWatch();
  BlockWatch(const BlockWatch&) = delete;
  BlockWatch& operator=(const BlockWatch&) = delete;

  /// Has the turns of a scheduler looked at as long as it lives. Those of the scheduler whose task runs this one, if
  /// any, are looked at again thereafter.
  class Scope {
   public:
    /// Watches nothing if the limit is zero.
    Scope(Turn& turn, const WatchOrder& order);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    /// What was found about the turn that is about to end, if that blocked (rather than computed): `task t of process p
    /// blocked for real for 1.2 s in system call 0 (read)`. Else empty.
    [[nodiscard]] std::string found();
    /// To be called before a fiber is destroyed: it may be looked at.
    void let_go();

   private:
    std::shared_ptr<BlockWatch> watch_;
    Turn* outer_turn_ = nullptr;
    const WatchOrder* outer_order_ = nullptr;
  };

  /// How often it has looked at a scheduler.
  [[nodiscard]] std::uint64_t looks() const noexcept { return looks_.load(); }

 private:
  void watch(Turn* turn, const WatchOrder* order);
  void run();
  /// Returns false if there is nothing to look at.
  bool look();
  void consider(std::uint64_t turn) DEIMOS_REQUIRES(mutex_);
  void report(std::uint64_t turn, const std::string& what) DEIMOS_REQUIRES(mutex_);
  [[nodiscard]] std::string subject() const DEIMOS_REQUIRES(mutex_);

  const ThreadId watched_thread_;
  const pid_t process_;
  WakeUp wake_up_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> looks_{0};

  internal::LocalMutex mutex_;
  Turn* turn_ DEIMOS_GUARDED_BY(mutex_) = nullptr;
  const WatchOrder* order_ DEIMOS_GUARDED_BY(mutex_) = nullptr;
  bool asleep_ DEIMOS_GUARDED_BY(mutex_) = false;

  // Of the turn that has lasted for more than one look.
  std::uint64_t seen_ DEIMOS_GUARDED_BY(mutex_) = 0;
  std::uint64_t lasted_ DEIMOS_GUARDED_BY(mutex_) = 0;   // In looks.
  std::uint64_t blocked_ DEIMOS_GUARDED_BY(mutex_) = 0;  // In how many of them it was.
  bool reported_ DEIMOS_GUARDED_BY(mutex_) = false;
  bool reported_blocked_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::string where_ DEIMOS_GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace deimos::testkit
