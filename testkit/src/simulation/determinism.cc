#include <deimos/testkit/determinism.h>

#include <algorithm>

namespace deimos::testkit {
namespace {

constexpr std::size_t events_shown_before = 10;

std::vector<HistoryEvent> history_of(const SimulationOptions& options,
                                     const std::function<void(Simulation&)>& program) {
  Simulation simulation(options);
  try {
    program(simulation);
  } catch (const SimulationFailure&) {
    // It is in the history.
  }
  // What is not kept as an event counts too: it is in the hash of this one.
  simulation.note("the run has ended");
  return simulation.history().events();
}

std::optional<HistoryEvent> event_at(const std::vector<HistoryEvent>& history, std::size_t place) {
  if (place >= history.size()) return std::nullopt;
  return history[place];
}

std::string describe(const std::optional<HistoryEvent>& event) { return event ? event->describe() : "(had ended)"; }

}  // namespace

std::optional<Divergence> check_determinism(SimulationOptions options,
                                            const std::function<void(Simulation&)>& program) {
  options.scheduler.history_capacity = History::unlimited;
  const std::vector<HistoryEvent> first = history_of(options, program);
  const std::vector<HistoryEvent> second = history_of(options, program);
  const auto parted = std::mismatch(first.begin(), first.end(), second.begin(), second.end(),
                                    [](const HistoryEvent& a, const HistoryEvent& b) { return a.hash == b.hash; });
  if (parted.first == first.end() && parted.second == second.end()) return std::nullopt;

  const auto place = static_cast<std::size_t>(parted.first - first.begin());
  Divergence divergence{place, event_at(first, place), event_at(second, place), {}};
  std::string& report = divergence.report;
  report = "seed " + std::to_string(options.seed) + " led to two histories; they part at event " +
           std::to_string(place) + ", after\n";
  for (std::size_t i = place - std::min(place, events_shown_before); i < place; ++i) {
    report += "  " + first[i].describe() + "\n";
  }
  const std::string once = describe(divergence.first);
  const std::string again = describe(divergence.second);
  report += "first run:\n  " + once + "\nsecond run:\n  " + again + "\n";
  if (once == again) {
    report += "These look alike: what differs came before them and is no event (which task ran, a random draw).\n";
  }
  return divergence;
}

}  // namespace deimos::testkit
