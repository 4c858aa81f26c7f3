#include "lock_announcer.h"

#include <exception>
#include <utility>

namespace deimos {

LockAnnouncer::LockAnnouncer(Runtime& runtime) : runtime_(runtime), arrived_(runtime.make_signal()) {}

void LockAnnouncer::start(std::shared_ptr<void> self) {
  const std::lock_guard lock(mutex_);
  self_ = self;
  spawn();
}

void LockAnnouncer::spawn() {
  tasks_.push_back(
      runtime_.spawn("lock announcer", [this, self = self_.lock()](const std::stop_token& stop) { run(stop); }));
  ++idle_;
}

void LockAnnouncer::announce(std::function<void()> announcement) {
  {
    const std::lock_guard lock(mutex_);
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

void LockAnnouncer::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    wait_until(*arrived_, lock, TimePoint::max(), stop, runtime_, [&] { return !announcements_.empty(); });
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

void LockAnnouncer::stop() noexcept {
  std::vector<std::unique_ptr<Task>> ended;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    ended.swap(tasks_);
  }
  for (const std::unique_ptr<Task>& task : ended) task->request_stop();
}

}  // namespace deimos
