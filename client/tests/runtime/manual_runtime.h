// A Runtime whose clock stands still but for waits: a wait that nothing ends moves the clock to its deadline, at once.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <random>
#include <stdexcept>

#include <deimos/runtime.h>

namespace deimos {

/// For one thread; has no tasks. Waiting for ever fails the test.
class ManualRuntime final : public Runtime {
 public:
  explicit ManualRuntime(std::uint64_t seed = 1) : random_(seed) {}

  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  void advance(Duration by) { now_ += by; }

  [[nodiscard]] std::unique_ptr<Signal> make_signal() override { return std::make_unique<ManualSignal>(*this); }
  [[nodiscard]] std::unique_ptr<Task> spawn(std::string name, std::function<void(std::stop_token)>) override {
    throw std::logic_error("the manual runtime has no tasks: " + name);
  }
  [[nodiscard]] std::uint64_t random() override { return random_(); }
  [[nodiscard]] TaskId current_task() const noexcept override { return 1; }

 private:
  class ManualSignal final : public Signal {
   public:
    explicit ManualSignal(ManualRuntime& runtime) : runtime_(runtime) {}
    [[nodiscard]] std::uint64_t epoch() const noexcept override { return epoch_; }
    void wait(std::uint64_t seen, TimePoint deadline) override {
      if (epoch_ != seen) return;
      if (deadline == TimePoint::max()) throw std::logic_error("a wait for ever, with nobody to end it");
      runtime_.now_ = std::max(runtime_.now_, deadline);
    }
    void notify() noexcept override { ++epoch_; }

   private:
    ManualRuntime& runtime_;
    std::atomic<std::uint64_t> epoch_ = 0;
  };

  TimePoint now_{std::chrono::hours(1)};
  std::mt19937_64 random_;
};

}  // namespace deimos
