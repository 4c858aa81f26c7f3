#include <deimos/testkit/property.h>

#include <cstdlib>

#include <deimos/testkit/history.h>

namespace deimos::testkit {

std::set<std::string> PropertyResult::missing() const {
  std::set<std::string> never;
  for (const std::string& what : expected) {
    const auto found = exercised.find(what);
    if (found == exercised.end() || found->second == 0) never.insert(what);
  }
  return never;
}

std::set<std::string> PropertyResult::unknown() const {
  std::set<std::string> names = missing();
  for (const std::string& known : Scenario::counted()) names.erase(known);
  std::erase_if(names, [this](const std::string& name) { return exercised.contains(name); });
  return names;
}

std::string PropertyResult::summary() const {
  std::string text = std::to_string(runs) + (runs == 1 ? " run" : " runs");
  for (const auto& [what, count] : exercised) {
    if (count > 0) text += ", " + what + " " + std::to_string(count);
  }
  if (draws_nothing) text += " (nothing is drawn: every run has the same times; see Scenario::draw() and faults())";
  if (!draws_nothing && !fixed_instants.empty()) {
    text += " (the same in every run, though drawn instants would explore more: what is done at";
    for (const Duration instant : fixed_instants) text += " " + describe_time(instant);
    text += ")";
  }
  return text;
}

std::string PropertyResult::report(const std::string& replay_command) const {
  std::string text = failure + "\n";
  if (!shrunk.draws.empty()) text += "drawn (the smallest that fail):\n";
  for (const auto& [name, number] : shrunk.draws) {
    text += "  " + name + " = " + std::to_string(number);
    constexpr std::int64_t looks_like_a_duration = 1000;
    if (std::abs(number) >= looks_like_a_duration) text += " (" + duration_as_code(Duration(number)) + ")";
    text += "\n";
  }
  if (shrunk.plan) text += "smallest plan that fails: " + shrunk.plan->as_code() + "\n";
  if (!timeline_path.empty()) text += "timeline: " + timeline_path + "\n";
  if (!replay_command.empty()) text += "to replay: " + replay_command + "\n";
  return text;
}

}  // namespace deimos::testkit
