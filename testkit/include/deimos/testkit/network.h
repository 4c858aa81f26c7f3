// The network between simulated processes and nodes, and of processes among themselves (service.h): how long messages
// take, and which never arrive. (What goes on between nodes, and what is done to single requests, is fake::Cluster's.)
//
// A message that is lost, or a link that is cut, tells nobody: the exchange waits until its deadline and fails with
// Delivery::unknown. A node that refuses connections fails exchanges at once (after a round trip) with
// Delivery::not_sent. An answer whose exchange was given up goes nowhere; a request on its way arrives whatever becomes
// of its sender.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/cluster.h>
#include <deimos/internal/export.h>
#include <deimos/testkit/link_options.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/request_trace.h>
#include <deimos/testkit/scheduler.h>
#include <deimos/testkit/service.h>
#include <deimos/testkit/virtual_runtime.h>
#include <deimos/transport.h>

namespace deimos::testkit {

/// Processes and nodes are named as in Simulation: a process by its name, a node by its number from 1. Every call
/// throws std::invalid_argument for one that does not exist or for options that make no sense, and then changes
/// nothing.
class DEIMOS_EXPORT SimulatedNetwork {
 public:
  /// Node 1 of `cluster` is reached at the first of `urls`, and so on.
  SimulatedNetwork(Scheduler& scheduler, RandomStream random, fake::Cluster& cluster,
                   const std::vector<std::string>& urls);
  ~SimulatedNetwork();
  SimulatedNetwork(const SimulatedNetwork&) = delete;
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;

  /// Applies to all links, present and future, but those of processes outside of the network.
  void set_links(const LinkOptions& options);
  void set_link(std::string_view process, int node, const LinkOptions& options);
  /// Nothing gets through from now on; messages on their way are lost.
  void cut(std::string_view process, int node, Direction direction = Direction::both);
  void heal(std::string_view process, int node);

  /// The link between two processes, for calls either way. A process reaches itself at once, whatever is done here.
  void set_link(std::string_view process, std::string_view other, const LinkOptions& options);
  /// Direction::requests: nothing that `process` sends gets to `other`, be it a call or an answer.
  void cut(std::string_view process, std::string_view other, Direction direction = Direction::both);
  void heal(std::string_view process, std::string_view other);

  /// Ends every cut and every refusal.
  void heal();
  /// The node refuses connections, except those of processes outside of the network.
  void refuse(int node, bool refusing = true);

  /// Requests that reached a node so far. Each is known to the cluster by its number (fake::Origin::request).
  [[nodiscard]] std::uint64_t delivered() const noexcept;

  /// Every exchange of processes in the network is added to `trace` when it ends; nullptr: no more.
  void trace_to(RequestTrace* trace) noexcept;

  // For Simulation:

  void add_process(const std::string& name);
  /// One that reaches every node at once, whatever is done to the network, unless its own links are named.
  void add_process_outside(const std::string& name);
  /// What the process sends with. Deadlines are by the clock of `runtime`.
  [[nodiscard]] std::shared_ptr<Transport> make_transport(std::string_view process, VirtualRuntime& runtime);
  /// See Process::serve(). The tasks that handle calls belong to `group`.
  [[nodiscard]] Service serve(const std::string& process, TaskGroup& group, const std::string& name,
                              ServiceHandler handler);
  /// See Process::call(). The deadline is by the clock of `runtime`.
  [[nodiscard]] Result<std::string> call(ServiceCall call, VirtualRuntime& runtime, TimePoint deadline,
                                         const std::stop_token& stop);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace deimos::testkit
