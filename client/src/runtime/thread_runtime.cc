#include <deimos/thread_runtime.h>

#include <sys/random.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <deimos/internal/local_mutex.h>

#ifdef __linux__
#include <pthread.h>
#endif

namespace deimos {
namespace {

TimePoint clock_now() noexcept {
#ifdef CLOCK_BOOTTIME
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) == 0) {
    return TimePoint(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
#endif
  return TimePoint(std::chrono::steady_clock::now().time_since_epoch());
}

class ThreadSignal final : public Signal {
 public:
  [[nodiscard]] std::uint64_t epoch() const noexcept override { return epoch_.load(); }

  void wait(std::uint64_t seen, TimePoint deadline) override {
    internal::LocalMutexLock lock(mutex_);
    const auto notified = [&] { return epoch_.load() != seen; };
    if (deadline == TimePoint::max()) return changed_.wait(lock.native(), notified);
    // The system's waits stand still while the machine is suspended, and the clock does not: look again soon after.
    constexpr Duration longest_wait = std::chrono::seconds(1);
    for (TimePoint now = clock_now(); !notified() && now < deadline; now = clock_now()) {
      changed_.wait_for(lock.native(), std::min(deadline - now, longest_wait), notified);
    }
  }

  void notify() noexcept override {
    {
      const internal::LocalMutexLock lock(mutex_);
      epoch_.fetch_add(1);
    }
    changed_.notify_all();
  }

 private:
  internal::LocalMutex mutex_;
  std::condition_variable changed_;
  std::atomic<std::uint64_t> epoch_ = 0;
};

void name_this_thread([[maybe_unused]] const std::string& name) {
#ifdef __linux__
  constexpr std::size_t longest = 15;
  pthread_setname_np(pthread_self(), name.substr(0, longest).c_str());
#endif
}

/// A thread, and whether its body has returned.
struct Running {
  std::shared_ptr<std::atomic<bool>> done = std::make_shared<std::atomic<bool>>(false);
  std::jthread thread;
};

}  // namespace

/// Shared with the tasks, because a task may be destroyed after the runtime's handle is gone.
struct ThreadRuntime::State {
  /// Waits for the end of every thread whose Task was destroyed from within.
  ~State() {
    for (Running& left : leftovers) {
      if (left.thread.get_id() == std::this_thread::get_id() || !is_of_this_process()) {
        // The last reference to the runtime is dropped by one of its own tasks: nobody is left to wait for that thread,
        // which owns all that it still uses.
        left.thread.detach();
      }
    }
  }

  /// Takes over a thread that cannot be joined where it is; joins those that have ended meanwhile.
  void keep(Running running) {
    const internal::LocalMutexLock lock(mutex);
    std::erase_if(leftovers, [](const Running& left) { return left.done->load(); });
    leftovers.push_back(std::move(running));
  }

  [[nodiscard]] bool is_of_this_process() const noexcept { return ::getpid() == process; }

  const pid_t process = ::getpid();
  internal::LocalMutex mutex;
  std::vector<Running> leftovers DEIMOS_GUARDED_BY(mutex);
};

namespace {

/// `Keeper` is ThreadRuntime::State, which is private to the runtime.
template <typename Keeper>
class ThreadTask final : public Task {
 public:
  ThreadTask(std::shared_ptr<Keeper> keeper, std::string name, std::function<void(std::stop_token)> body)
      : keeper_(std::move(keeper)) {
    running_.thread = std::jthread(
        [done = running_.done, name = std::move(name), body = std::move(body)](const std::stop_token& stop) mutable {
          name_this_thread(name);
          body(stop);
          body = nullptr;
          done->store(true);
        });
  }

  ~ThreadTask() override {
    // What a stop would wake, and who could be waited for, was left behind in the process that forked.
    if (!keeper_->is_of_this_process()) {
      running_.thread.detach();
      return;
    }
    running_.thread.request_stop();
    if (running_.thread.get_id() == std::this_thread::get_id()) keeper_->keep(std::move(running_));
  }
  ThreadTask(const ThreadTask&) = delete;
  ThreadTask& operator=(const ThreadTask&) = delete;

  void request_stop() noexcept override {
    if (keeper_->is_of_this_process()) running_.thread.request_stop();
  }

 private:
  std::shared_ptr<Keeper> keeper_;
  Running running_;
};

}  // namespace

ThreadRuntime::ThreadRuntime() : state_(std::make_shared<State>()) {}
ThreadRuntime::~ThreadRuntime() = default;

TimePoint ThreadRuntime::now() const noexcept { return clock_now(); }

std::unique_ptr<Signal> ThreadRuntime::make_signal() { return std::make_unique<ThreadSignal>(); }

std::unique_ptr<Task> ThreadRuntime::spawn(std::string name, std::function<void(std::stop_token)> body) {
  return std::make_unique<ThreadTask<State>>(state_, std::move(name), std::move(body));
}

std::uint64_t ThreadRuntime::random() {
  // The system's own source: a fork cannot repeat it, and std::random_device takes some ten times as long per call
  // where it asks the processor in a virtual machine.
  std::uint64_t bits = 0;
  if (::getentropy(&bits, sizeof bits) != 0) {
    throw std::system_error(errno, std::generic_category(), "no random numbers from the system");
  }
  return bits;
}

bool ThreadRuntime::is_of_this_process() const noexcept { return state_->is_of_this_process(); }

TaskId ThreadRuntime::current_task() const noexcept {
  // Counted, because addresses and the system's numbers of threads come again.
  static std::atomic<TaskId> last = 0;
  thread_local const TaskId self = ++last;
  return self;
}

}  // namespace deimos
