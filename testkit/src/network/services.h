// Which process serves what, and the calls that are on their way (ServiceFlight's members are in service_flight.cc).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/service.h>
#include <deimos/testkit/timer.h>
#include <deimos/testkit/virtual_runtime.h>

#include "network/process_links.h"

namespace deimos::testkit {

class Services;

/// Who waits for the answer to a call.
class CallReceiver {
 public:
  virtual void receive(Result<std::string> answer) = 0;

 protected:
  ~CallReceiver() = default;
};

/// A call as it was sent.
struct SentCall {
  ServiceCall call;
  std::string to;        ///< The process that it is sent to; empty as long as nobody has ever served that.
  Path path;             ///< There.
  std::string number;    ///< `#12`; `#12+` for the copy that the network made.
  bool doubled = false;  ///< There are two of it on the way.

  /// For the history: `#12 to db: put x`; `#12 to db, jobs: put x` if the service has another name than its process.
  [[nodiscard]] std::string line(std::string_view way, const std::string& other, std::string_view detail) const;
};

/// The timer is the arrival of whatever is on its way. Owned by Services, by its id.
class ServiceFlight final : public Timer {
 public:
  ServiceFlight(Services& services, std::uint64_t id, SentCall sent, CallReceiver* receiver);
  ~ServiceFlight() override;
  ServiceFlight(const ServiceFlight&) = delete;
  ServiceFlight& operator=(const ServiceFlight&) = delete;

  /// Nobody waits for the answer any more. The call goes on.
  void forsake() noexcept { receiver_ = nullptr; }
  /// Sends the answer back.
  void answer(Result<std::string> answer);
  /// Whoever handled it has gone.
  void broken();

 private:
  enum class Leg { to_server, at_server, to_caller };

  void fire() override;
  void arrive_at_server();
  void arrive_at_caller();
  void refuse(const std::string& why);
  void send_back();
  /// What happened at the server, or at the caller.
  void record_there(std::string_view kind, std::string_view way, std::string_view detail);
  void record_here(std::string_view kind, std::string_view way, std::string_view detail);
  /// As history lines show the answer.
  [[nodiscard]] std::string shown_answer() const;

  Services& services_;
  const std::uint64_t id_;
  SentCall sent_;
  CallReceiver* receiver_;
  Leg leg_ = Leg::to_server;
  Result<std::string> answer_;
};

/// One service of one life of a process.
struct Service::State {
  Services& services;
  std::string name;
  std::string process;
  TaskGroup& group;
  ServiceHandler handler;
  std::map<std::uint64_t, std::shared_ptr<Fiber>> handling = {};  ///< The tasks, by the id of their call.
};

/// A service has one process at a time; when that has gone another may take it up, and calls go to the last until then.
class Services {
 public:
  Services(Scheduler& its_scheduler, RandomStream its_random) : scheduler(its_scheduler), random(its_random) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  /// Throws std::invalid_argument for an empty name or handler, std::logic_error if it is served already.
  [[nodiscard]] std::shared_ptr<Service::State> serve(const std::string& process, TaskGroup& group,
                                                      const std::string& name, ServiceHandler handler);
  void withdraw(const Service::State& service) noexcept;
  /// Null if nobody serves it.
  [[nodiscard]] std::shared_ptr<Service::State> find(std::string_view name) const;
  /// `deadline` is by the clock of `runtime`.
  [[nodiscard]] Result<std::string> call(ServiceCall call, VirtualRuntime& runtime, TimePoint deadline,
                                         const std::stop_token& stop);

  // For ServiceFlight.

  /// Starts the task that handles the call.
  void handle(const std::shared_ptr<Service::State>& service, std::uint64_t id, const ServiceCall& call);
  /// The flight is over: it is destroyed.
  void land(std::uint64_t id) { flights_.erase(id); }
  [[nodiscard]] Duration latency(const Path& path) {
    return random.between(path.link->options.latency_min, path.link->options.latency_max);
  }

  ProcessLinks links;
  Scheduler& scheduler;
  RandomStream random;

 private:
  class Pending;
  class Reply;
  struct Place {
    std::string process;
    std::weak_ptr<Service::State> service;
  };

  /// None if it was lost at once.
  [[nodiscard]] std::uint64_t send(SentCall sent, CallReceiver* receiver);
  std::uint64_t take_off(SentCall sent, CallReceiver* receiver);

  std::map<std::string, Place, std::less<>> places_;
  std::map<std::uint64_t, std::unique_ptr<ServiceFlight>> flights_;
  std::uint64_t last_flight_ = 0;
  std::uint64_t last_call_ = 0;
};

}  // namespace deimos::testkit
