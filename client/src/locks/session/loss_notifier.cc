#include "locks/session/loss_notifier.h"

#include <exception>
#include <utility>

namespace deimos {

/// Counts a task for as long as it runs, however it ends.
class LossNotifier::Running {
 public:
  explicit Running(LossNotifier& announcer) : announcer_(announcer) {
    const internal::LocalMutexLock lock(announcer_.mutex_);
    ++announcer_.running_;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    const internal::LocalMutexLock lock(announcer_.mutex_);
    --announcer_.running_;
  }

 private:
  LossNotifier& announcer_;
};

LossNotifier::LossNotifier(Runtime& runtime) : runtime_(runtime), arrived_(runtime.make_signal()) {}

void LossNotifier::start(std::shared_ptr<void> self) {
  const internal::LocalMutexLock lock(mutex_);
  self_ = self;
  spawn();
}

void LossNotifier::spawn() {
  tasks_.push_back(
      runtime_.spawn("lock announcer", [this, self = self_.lock()](const std::stop_token& stop) { run(stop); }));
  ++idle_;
}

void LossNotifier::announce(std::function<void()> announcement) {
  {
    const internal::LocalMutexLock lock(mutex_);
    announcements_.push_back(std::move(announcement));
    if (announcements_.size() > idle_ && tasks_.size() < most_tasks && !stopped_) {
      try {
        spawn();
      } catch (const std::exception&) {  // Those that run will come to it.
      }
    }
  }
  arrived_->notify();
}

void LossNotifier::run(const std::stop_token& stop) {
  const Running running(*this);
  internal::LocalMutexLock lock(mutex_);
  for (;;) {
    wait_until(*arrived_, lock.native(), TimePoint::max(), stop, runtime_, [&] {
      mutex_.assert_held();
      return !announcements_.empty();
    });
    if (announcements_.empty()) return;
    std::function<void()> announcement = std::move(announcements_.front());
    announcements_.pop_front();
    --idle_;
    lock.unlock();
    announcement();
    announcement = nullptr;
    lock.lock();
    ++idle_;
  }
}

void LossNotifier::stop() noexcept {
  std::vector<std::unique_ptr<Task>> ended;
  {
    const internal::LocalMutexLock lock(mutex_);
    stopped_ = true;
    ended.swap(tasks_);
  }
  for (const std::unique_ptr<Task>& task : ended) task->request_stop();
  ended.clear();
  // Tasks that ended before their time, as they do when a simulated process crashes, leave what nobody will run any
  // more and what would keep this alive.
  std::deque<std::function<void()>> left;
  const internal::LocalMutexLock lock(mutex_);
  if (running_ == 0) left.swap(announcements_);
}

}  // namespace deimos
