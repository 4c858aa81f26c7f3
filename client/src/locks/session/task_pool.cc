#include "locks/session/task_pool.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace deimos {

/// Counts a task for as long as it runs, however it ends; its handle goes with it, unless stop() waits to join it.
class TaskPool::Busy {
 public:
  Busy(TaskPool& pool, std::uint64_t number) : pool_(pool), number_(number) {
    const internal::LocalMutexLock lock(pool_.mutex_);
    pool_.running_[number_] = pool_.runtime_.current_task();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;
  ~Busy() {
    std::unique_ptr<Task> own;
    std::deque<std::function<void()>> left;
    {
      const internal::LocalMutexLock lock(pool_.mutex_);
      pool_.running_.erase(number_);
      if (pool_.stopped_ && pool_.running_.empty()) left.swap(pool_.jobs_);
      if (!pool_.joins_) own = pool_.take_handle(number_);
    }
    pool_.changed_->notify();
  }

 private:
  TaskPool& pool_;
  const std::uint64_t number_;
};

TaskPool::TaskPool(Runtime& runtime, std::string name, std::size_t most_tasks, std::size_t most_idle)
    : runtime_(runtime),
      name_(std::move(name)),
      most_tasks_(most_tasks),
      most_idle_(most_idle),
      changed_(runtime.make_signal()) {}

std::unique_ptr<Task> TaskPool::take_handle(std::uint64_t number) {
  const auto handle = tasks_.extract(number);
  return handle ? std::move(handle.mapped()) : nullptr;
}

void TaskPool::start(std::shared_ptr<void> self) {
  const internal::LocalMutexLock lock(mutex_);
  self_ = self;
  spawn();
}

void TaskPool::spawn() {
  const std::uint64_t number = ++last_number_;
  std::unique_ptr<Task> task =
      runtime_.spawn(name_, [this, number, self = self_.lock()](const std::stop_token& stop) { run(number, stop); });
  // Until the mutex is let go, the task cannot begin.
  tasks_.emplace(number, std::move(task));
  running_.emplace(number, TaskId{0});
  ++idle_;
}

void TaskPool::submit(std::function<void()> job) {
  {
    const internal::LocalMutexLock lock(mutex_);
    if (stopped_ && running_.empty()) return;  // Nobody is left to run it.
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && running_.size() < most_tasks_ && !stopped_) {
      try {
        spawn();
      } catch (const std::exception&) {  // Those that run will come to it.
      }
    }
  }
  changed_->notify();
}

std::function<void()> TaskPool::next(const std::stop_token& stop) {
  internal::LocalMutexLock lock(mutex_);
  const auto decided = [&] {
    mutex_.assert_held();
    return !jobs_.empty() || stopped_ || idle_ > most_idle_;
  };
  wait_until(*changed_, lock.native(), TimePoint::max(), stop, runtime_, decided);
  --idle_;
  if (jobs_.empty()) return nullptr;
  std::function<void()> job = std::move(jobs_.front());
  jobs_.pop_front();
  return job;
}

void TaskPool::run(std::uint64_t number, const std::stop_token& stop) {
  const Busy busy(*this, number);
  while (std::function<void()> job = next(stop)) {
    job();
    job = nullptr;
    const internal::LocalMutexLock lock(mutex_);
    ++idle_;
  }
}

void TaskPool::stop(TimePoint deadline) noexcept {
  const TaskId caller = runtime_.current_task();
  std::deque<std::function<void()>> left;
  internal::LocalMutexLock lock(mutex_);
  stopped_ = true;
  joins_ = true;
  for (const auto& [number, task] : tasks_) task->request_stop();
  changed_->notify();
  wait_until(*changed_, lock.native(), deadline, {}, runtime_, [&] {
    mutex_.assert_held();
    return std::ranges::all_of(running_, [&](const auto& task) { return task.second == caller; });
  });
  joins_ = false;
  // Tasks that have not begun, and may never, as in a simulated process that has crashed: their end is not long to wait
  // for. Whatever is submitted has this pool's owner in it, and must not stay in it for ever.
  std::erase_if(running_, [](const auto& task) { return task.second == 0; });
  std::vector<std::unique_ptr<Task>> ended;
  for (auto task = tasks_.begin(); task != tasks_.end();) {
    const auto current = task++;
    if (!running_.contains(current->first)) ended.push_back(take_handle(current->first));
  }
  if (running_.empty()) left.swap(jobs_);
  lock.unlock();
  ended.clear();
}

}  // namespace deimos
