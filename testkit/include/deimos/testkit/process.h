// What a simulated process has at hand.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/client.h>
#include <deimos/internal/export.h>
#include <deimos/lock_manager.h>
#include <deimos/testkit/disk.h>
#include <deimos/testkit/local_clock.h>
#include <deimos/testkit/network.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/service.h>
#include <deimos/testkit/virtual_runtime.h>
#include <deimos/testkit/wall_clock.h>

namespace deimos::testkit {

struct ProcessOptions {
  ClockOptions clock = {};
  ClockOptions wall_clock = {};
  DiskOptions disk = {};
  /// Endpoints, dialect (the cluster's), runtime and transport are filled in.
  ClientOptions client = {};
  /// `owner` is the process's name, if it is empty.
  LockOptions locks = {};
  /// Filled in: locks are in an etcd v3, as whose the cluster is taken (fake::Dialect::etcd3).
  bool locks_in_etcd = false;
};

/// What a process runs on: outlives its crash.
struct Machine {
  WallClock wall_clock;
  Disk disk;
};

/// One life of a process, from its start to its end or crash. Given to the process's code, which is ordinary blocking
/// code: it must wait through this, and share nothing with other processes but what the test itself observes.
///
/// A crash is as Scheduler::kill() says: the code's next call of sleep(), note(), call(), client(), locks() and so on
/// does not return.
class DEIMOS_EXPORT Process {
 public:
  Process(Scheduler& scheduler, SimulatedNetwork& network, Machine& machine, std::string name, int life,
          ProcessOptions options, std::uint64_t seed);
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
  /// As locks(), but of a session of its own, which whoever calls closes.
  [[nodiscard]] std::unique_ptr<LockManager> make_locks(LockOptions options);
  /// Puts a line into the simulation's history.
  void note(std::string_view text);

  /// Answers calls of `service` from now on, until what is returned is destroyed. Throws std::invalid_argument for an
  /// empty name or handler, std::logic_error if it is served already, by this process or another.
  [[nodiscard]] Service serve(const std::string& service, ServiceHandler handler);
  /// Asks whoever serves `service`, and waits for the answer; `timeout` by the process's own clock. What the handler
  /// returns comes back, Errors too. The network's own:
  /// - errc::unavailable: nobody serves it (any more), or it is busy: the call was certainly not handled.
  /// - errc::outcome_unknown: no answer came in time, or the process that served it has crashed: it may have been
  ///   handled, or may be handled yet.
  /// - errc::cancelled: `stop` was triggered; the same, once it was sent.
  /// - errc::invalid_argument: the timeout is not positive.
  /// A message that was sent arrives whatever becomes of its sender.
  Result<std::string> call(const std::string& service, std::string request, Duration timeout,
                           const std::stop_token& stop = {});
  /// Blocks for the rest of this life: the process only answers calls now, and Simulation::run() does not wait for it.
  [[noreturn]] void stand_by();

  /// The time of day as the process sees it. Nothing waits by it.
  [[nodiscard]] fake::Instant wall_time() const noexcept { return machine_.wall_clock.now(); }
  /// The same in each life.
  [[nodiscard]] Disk& disk() noexcept { return machine_.disk; }

  // For Simulation:
  [[nodiscard]] TaskGroup& group() const noexcept { return group_; }
  /// Ends what the process had; called as its last act.
  void close() noexcept;

 private:
  Scheduler& scheduler_;
  SimulatedNetwork& network_;
  Machine& machine_;
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
