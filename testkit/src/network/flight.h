// A request on its way through the simulated network, and its answer on the way back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/cluster.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/request_trace.h>
#include <deimos/testkit/scheduler.h>
#include <deimos/transport.h>

#include "network/link.h"

namespace deimos::testkit {

/// Who waits for an answer.
class Receiver {
 public:
  virtual void receive(Exchange exchange) = 0;
  /// Nothing will come: the request or its answer was lost on the way.
  virtual void lost() noexcept = 0;

 protected:
  ~Receiver() = default;
};

class Flight;

/// Makes flights and uses them again, so that an exchange allocates nothing for its way through the network.
class FlightPool {
 public:
  FlightPool(Scheduler& its_scheduler, RandomStream its_random, fake::Cluster& its_cluster)
      : scheduler(its_scheduler), random(its_random), cluster(its_cluster) {}
  ~FlightPool();
  FlightPool(const FlightPool&) = delete;
  FlightPool& operator=(const FlightPool&) = delete;

  /// Sends `request` of `process` over `link`, or loses it. `request` must live until the receiver is told or the
  /// flight is forsaken; null: the request was lost at once, of which the receiver is not told.
  Flight* send(Link& link, const std::string& process, const Request& request, Receiver* receiver);
  [[nodiscard]] Duration latency(const Link& link);

  Scheduler& scheduler;
  RandomStream random;
  fake::Cluster& cluster;
  RequestTrace* trace = nullptr;  // Where exchanges are noted, if anywhere.
  std::uint64_t delivered = 0;
  std::string text;  // Scratch space for history lines.

 private:
  friend class Flight;
  std::shared_ptr<Flight> take();
  void start(Link& link, const std::string& process, const Request& request, Receiver* receiver, Flight& flight);

  std::vector<std::shared_ptr<Flight>> all_;
  std::vector<Flight*> idle_;
};

/// The timer is the arrival of whatever is on its way.
class Flight final : public Timer, public fake::Reply, public std::enable_shared_from_this<Flight> {
 public:
  explicit Flight(FlightPool& pool) : pool_(pool) {}
  ~Flight() override;

  /// Nobody waits for the answer any more. The request goes on if it has not arrived yet; a watch is given up, as far
  /// as the node can be told.
  void forsake();
  /// The head of an answer whose body is still to come has arrived.
  [[nodiscard]] bool has_head() const noexcept { return pool_.scheduler.now() >= head_arrives_; }

  void answer(Response response, bool open) override;
  void chunk(std::string_view text) override;
  void end() override;
  void broken(Delivery delivery) override;

 private:
  friend class FlightPool;
  enum class Leg { idle, to_node, at_node, to_process };

  void fire() override;
  void arrive_at_node();
  void arrive_at_process();
  void send_back();
  void hand_over(Exchange exchange);
  /// The node may forget what it has to say beyond what was enough.
  void give_up_rest();
  void finish();
  void record(std::string_view kind, std::string_view detail);

  FlightPool& pool_;
  Leg leg_ = Leg::idle;
  Link* link_ = nullptr;
  const std::string* process_ = nullptr;
  const Request* request_ = nullptr;
  Request own_request_;  // When the sender's is gone.
  Receiver* receiver_ = nullptr;
  fake::Cluster::Ticket ticket_ = 0;
  fake::Origin origin_;
  Exchange answer_;
  TimePoint head_arrives_ = TimePoint::max();
  bool ended_early_ = false;  // By Request::enough; the node goes on.
};

}  // namespace deimos::testkit
