#include <deimos/testkit/network.h>

#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

#include <deimos/internal/broken_rule.h>

#include "network/flight.h"
#include "network/services.h"
#include "network/simulated_transport.h"

namespace deimos::testkit {
namespace {

void check_probability(std::string_view name, double value) {
  if (value >= 0 && value <= 1) return;
  throw std::invalid_argument(internal::broken_rule(std::string(name) + " must be from 0 to 1", value));
}

const LinkOptions& checked(const LinkOptions& options) {
  if (options.latency_min < Duration::zero()) {
    throw std::invalid_argument(internal::broken_rule("latency_min must not be negative", options.latency_min));
  }
  if (options.latency_max < options.latency_min || options.latency_max > std::chrono::hours(24)) {
    throw std::invalid_argument(
        internal::broken_rule("latency_max must be from latency_min to 24h", options.latency_max));
  }
  check_probability("request_loss", options.request_loss);
  check_probability("answer_loss", options.answer_loss);
  check_probability("duplication", options.duplication);
  return options;
}

}  // namespace

struct SimulatedNetwork::State {
  State(Scheduler& scheduler, RandomStream random, fake::Cluster& cluster)
      : flights(scheduler, random, cluster), services(scheduler, RandomStream(random.next(), "calls")) {}

  Links& links_of(std::string_view process);
  Link& link(std::string_view process, int node);
  SimulatedNode& node(int number);
  void check_pair(std::string_view process, std::string_view other);
  void record(std::string_view kind, std::string_view subject, std::string_view text);

  LinkOptions defaults;
  std::vector<SimulatedNode> nodes;  // Links point to them.
  std::map<std::string, Links, std::less<>> processes;
  FlightPool flights;
  Services services;
};

Links& SimulatedNetwork::State::links_of(std::string_view process) {
  const auto found = processes.find(process);
  if (found == processes.end()) throw std::invalid_argument("there is no process named " + std::string(process));
  return found->second;
}

SimulatedNode& SimulatedNetwork::State::node(int number) {
  if (number < 1 || static_cast<std::size_t>(number) > nodes.size()) {
    throw std::invalid_argument("there is no node " + std::to_string(number));
  }
  return nodes[static_cast<std::size_t>(number) - 1];
}

Link& SimulatedNetwork::State::link(std::string_view process, int number) {
  Links& links = links_of(process);
  return links.at(node(number).url);
}

void SimulatedNetwork::State::check_pair(std::string_view process, std::string_view other) {
  links_of(process);
  links_of(other);
  if (process == other)
    throw std::invalid_argument(std::string(process) + " reaches itself, whatever is done to links");
}

void SimulatedNetwork::State::record(std::string_view kind, std::string_view subject, std::string_view text) {
  flights.scheduler.history().record(flights.scheduler.elapsed(), kind, subject, text);
}

SimulatedNetwork::SimulatedNetwork(Scheduler& scheduler, RandomStream random, fake::Cluster& cluster,
                                   const std::vector<std::string>& urls)
    : state_(std::make_unique<State>(scheduler, random, cluster)) {
  for (const std::string& url : urls) {
    const auto id = static_cast<fake::NodeId>(state_->nodes.size() + 1);
    state_->nodes.push_back({.id = id, .url = url, .name = "node" + std::to_string(id)});
  }
}

SimulatedNetwork::~SimulatedNetwork() = default;

void SimulatedNetwork::set_links(const LinkOptions& options) {
  state_->defaults = checked(options);
  state_->services.links.set_all(options);
  for (auto& [process, links] : state_->processes) {
    for (auto& [url, link] : links) {
      if (!link.outside) link.options = options;
    }
  }
}

void SimulatedNetwork::set_link(std::string_view process, int node, const LinkOptions& options) {
  state_->link(process, node).options = checked(options);
}

void SimulatedNetwork::cut(std::string_view process, int node, Direction direction) {
  Link& link = state_->link(process, node);
  if (direction != Direction::answers) link.requests_cut = true;
  if (direction != Direction::requests) link.answers_cut = true;
  state_->record("cut", process, link.node->name);
}

void SimulatedNetwork::heal(std::string_view process, int node) {
  Link& link = state_->link(process, node);
  link.requests_cut = link.answers_cut = false;
  state_->record("heal", process, link.node->name);
}

void SimulatedNetwork::set_link(std::string_view process, std::string_view other, const LinkOptions& options) {
  state_->check_pair(process, other);
  state_->services.links.path(process, other).link->options = checked(options);
}

void SimulatedNetwork::cut(std::string_view process, std::string_view other, Direction direction) {
  state_->check_pair(process, other);
  state_->services.links.cut(process, other, direction);
  state_->record("cut", process, other);
}

void SimulatedNetwork::heal(std::string_view process, std::string_view other) {
  state_->check_pair(process, other);
  state_->services.links.heal(process, other);
  state_->record("heal", process, other);
}

void SimulatedNetwork::heal() {
  state_->services.links.heal_all();
  for (auto& [process, links] : state_->processes) {
    for (auto& [url, link] : links) link.requests_cut = link.answers_cut = false;
  }
  for (SimulatedNode& node : state_->nodes) node.refuses = false;
  state_->record("heal", "-", "everything");
}

void SimulatedNetwork::refuse(int node, bool refusing) {
  SimulatedNode& simulated = state_->node(node);
  simulated.refuses = refusing;
  state_->record(refusing ? "refuse" : "accept", simulated.name, "");
}

std::uint64_t SimulatedNetwork::delivered() const noexcept { return state_->flights.delivered; }

void SimulatedNetwork::trace_to(RequestTrace* trace) noexcept { state_->flights.trace = trace; }

void SimulatedNetwork::add_process(const std::string& name) {
  Links& links = state_->processes[name];
  for (const SimulatedNode& node : state_->nodes)
    links.emplace(node.url, Link{.node = &node, .options = state_->defaults});
}

void SimulatedNetwork::add_process_outside(const std::string& name) {
  state_->services.links.put_outside(name);
  Links& links = state_->processes[name];
  const LinkOptions at_once{.latency_min = {}, .latency_max = {}};
  for (const SimulatedNode& node : state_->nodes) {
    links.emplace(node.url, Link{.node = &node, .options = at_once, .outside = true});
  }
}

std::shared_ptr<Transport> SimulatedNetwork::make_transport(std::string_view process, VirtualRuntime& runtime) {
  const auto found = state_->processes.find(process);
  if (found == state_->processes.end()) throw std::invalid_argument("unknown process " + std::string(process));
  return std::make_shared<SimulatedTransport>(state_->flights, found->first, found->second, runtime);
}

Service SimulatedNetwork::serve(const std::string& process, TaskGroup& group, const std::string& name,
                                ServiceHandler handler) {
  return Service(state_->services.serve(process, group, name, std::move(handler)));
}

Result<std::string> SimulatedNetwork::call(ServiceCall call, VirtualRuntime& runtime, TimePoint deadline,
                                           const std::stop_token& stop) {
  return state_->services.call(std::move(call), runtime, deadline, stop);
}

}  // namespace deimos::testkit
