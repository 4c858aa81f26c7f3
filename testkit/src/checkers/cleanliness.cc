#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

/// Files, but for those that have expired and wait for the sweep.
void collect(const Node& node, fake::Instant now, std::string& text) {
  const bool expired = node.expiration && *node.expiration <= now;
  if (!node.dir && !expired) text += "\n  " + node.key + " = " + node.value.value_or("");
  for (const Node& child : node.children) collect(child, now, text);
}

std::string keys_below(Simulation& simulation, const std::string& prefix) {
  const Result<Answer> answer = simulation.observer().client().get(prefix, {.recursive = true, .sorted = true});
  if (!answer) return answer.error().code == errc::key_not_found ? "" : "\n  unknown: " + answer.error().describe();
  std::string text;
  collect(answer->node, simulation.cluster().now(), text);
  return text;
}

/// Of all nodes together.
std::size_t sum_of(std::size_t fake::NodeState::*number, Simulation& simulation) {
  std::size_t sum = 0;
  for (const fake::NodeState& node : simulation.cluster().state().nodes) sum += node.*number;
  return sum;
}

}  // namespace

Verdict cleanliness(Simulation& simulation, const std::string& prefix, Remains which) {
  const auto left = [&](const std::string& what) {
    return Verdict::wrong("at " + describe_time(simulation.elapsed()) + " there are left " + what +
                              "\nwhat happened last:\n" + simulation.history().tail(40),
                          simulation.elapsed());
  };
  if (which.keys) {
    const std::string keys = keys_below(simulation, prefix);
    if (!keys.empty()) return left("keys:" + keys);
  }
  if (which.watchers) {
    if (const std::size_t number = sum_of(&fake::NodeState::watchers, simulation); number > 0)
      return left(std::to_string(number) + " watches");
  }
  if (which.requests) {
    if (const std::size_t number = sum_of(&fake::NodeState::waiting, simulation); number > 0)
      return left(std::to_string(number) + " requests without an answer");
  }
  if (which.tasks) {
    const std::string tasks = simulation.scheduler().describe_tasks();
    if (tasks.find("lock ") != std::string::npos) return left("tasks:\n" + tasks);
  }
  return {};
}

}  // namespace deimos::testkit
