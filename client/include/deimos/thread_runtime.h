// The Runtime of real life: OS threads, the steady clock, the operating system's entropy.
#pragma once

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos {

/// Thread-safe. Each task is one thread. The destructor waits for the threads whose Task was destroyed from within (see
/// Task). Only if the runtime itself dies on such a thread is that one left to end alone. spawn() throws
/// std::system_error if the system has no more threads. In a child of fork() it is inert (see is_of_this_process()):
/// make another.
class DEIMOS_EXPORT ThreadRuntime final : public Runtime {
 public:
  ThreadRuntime();
  ~ThreadRuntime() override;
  ThreadRuntime(const ThreadRuntime&) = delete;
  ThreadRuntime& operator=(const ThreadRuntime&) = delete;

  [[nodiscard]] TimePoint now() const noexcept override;
  [[nodiscard]] std::unique_ptr<Signal> make_signal() override;
  [[nodiscard]] std::unique_ptr<Task> spawn(std::string name, std::function<void(std::stop_token)> body) override;
  [[nodiscard]] std::uint64_t random() override;
  [[nodiscard]] TaskId current_task() const noexcept override;
  [[nodiscard]] bool is_of_this_process() const noexcept override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace deimos
