#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>
#include <deimos/testkit/simulation.h>

namespace deimos::testkit {
namespace {

void collect(const Node& node, std::string& text) {
  if (!node.dir) text += "\n  " + node.key + " = " + node.value.value_or("");
  for (const Node& child : node.children) collect(child, text);
}

std::string keys_below(Simulation& simulation, const std::string& prefix) {
  const Result<Answer> answer = simulation.observer().client().get(prefix, {.recursive = true, .sorted = true});
  if (!answer) return answer.error().code == errc::key_not_found ? "" : "\n  unknown: " + answer.error().describe();
  std::string text;
  collect(answer->node, text);
  return text;
}

std::size_t watchers_of(Simulation& simulation) {
  std::size_t watchers = 0;
  for (const fake::NodeState& node : simulation.cluster().state().nodes) watchers += node.watchers;
  return watchers;
}

}  // namespace

Verdict cleanliness(Simulation& simulation, const std::string& prefix, Remains which) {
  const auto left = [&](const std::string& what) {
    return Verdict::wrong("at " + describe_time(simulation.elapsed()) + " there are left " + what +
                          "\nwhat happened last:\n" + simulation.history().tail(40));
  };
  if (which.keys) {
    const std::string keys = keys_below(simulation, prefix);
    if (!keys.empty()) return left("keys:" + keys);
  }
  if (which.watchers) {
    if (const std::size_t number = watchers_of(simulation); number > 0)
      return left(std::to_string(number) + " watches");
  }
  if (which.tasks) {
    const std::string tasks = simulation.scheduler().describe_tasks();
    if (tasks.find("lock ") != std::string::npos) return left("tasks:\n" + tasks);
  }
  return {};
}

}  // namespace deimos::testkit
