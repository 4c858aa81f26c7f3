// What a simulated process has at hand.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/client.h>
#include <deimos/internal/export.h>
#include <deimos/lock_manager.h>
#include <deimos/testkit/local_clock.h>
#include <deimos/testkit/network.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/virtual_runtime.h>

namespace deimos::testkit {

struct ProcessOptions {
  ClockOptions clock = {};
  /// Endpoints, dialect (the cluster's), runtime and transport are filled in.
  ClientOptions client = {};
  /// `owner` is the process's name, if it is empty.
  LockOptions locks = {};
};

/// One life of a process, from its start to its end or crash. Given to the process's code, which is ordinary blocking
/// code: it must wait through this, and share nothing with other processes but what the test itself observes.
///
/// A crash is as Scheduler::kill() says: the code's next call of sleep(), note(), client() or locks() does not return.
class DEIMOS_EXPORT Process {
 public:
  Process(Scheduler& scheduler, SimulatedNetwork& network, std::string name, int life, ProcessOptions options,
          std::uint64_t seed);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// 1, and one more with each restart.
  [[nodiscard]] int life() const noexcept { return life_; }
  /// By the process's own clock.
  [[nodiscard]] TimePoint now() const noexcept { return runtime_->now(); }
  /// By the process's own clock.
  void sleep(Duration duration);
  [[nodiscard]] VirtualRuntime& runtime() noexcept { return *runtime_; }
  /// The process's own stream, for what its code chooses.
  [[nodiscard]] RandomStream& random() noexcept { return random_; }
  /// Talks to the simulated nodes. Made when first asked for, closed at the end of the process.
  [[nodiscard]] Client& client();
  /// The locks of the cluster, with one session for the process. Made when first asked for, closed at the end.
  [[nodiscard]] LockManager& locks();
  /// Puts a line into the simulation's history.
  void note(std::string_view text);

  // For Simulation:
  [[nodiscard]] TaskGroup& group() noexcept { return group_; }
  /// Ends what the process had; called as its last act.
  void close() noexcept;

 private:
  Scheduler& scheduler_;
  SimulatedNetwork& network_;
  const std::string name_;
  const int life_;
  ProcessOptions options_;
  TaskGroup& group_;
  std::shared_ptr<VirtualRuntime> runtime_;
  RandomStream random_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<LockManager> locks_;
};

}  // namespace deimos::testkit
