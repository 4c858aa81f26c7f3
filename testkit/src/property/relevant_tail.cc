#include "property/relevant_tail.h"

#include <algorithm>
#include <set>
#include <string_view>

namespace deimos::testkit {
namespace {

bool is_message(const HistoryEvent& event) {
  static const std::set<std::string_view> kinds{"request", "answer", "lost",   "reset",     "call",
                                                "serve",   "reply",  "broken", "unanswered"};
  return kinds.contains(event.kind);
}

bool is_of_a_task(const HistoryEvent& event) { return event.kind == "spawn" || event.kind == "end"; }

/// The path that a message is about; empty if it does not say.
std::string_view path_of(const HistoryEvent& event) {
  const std::size_t begin = event.text.find('/');
  if (begin == std::string::npos) return {};
  return std::string_view(event.text).substr(begin, event.text.find_first_of("? ", begin) - begin);
}

/// 0 is what matters most.
class Relevance {
 public:
  Relevance(const std::vector<HistoryEvent>& events, const std::string& process) : process_(process) {
    for (const HistoryEvent& event : events) {
      if (event.kind == "request" && event.subject == process) paths_.insert(path_of(event));
    }
  }
  [[nodiscard]] int of(const HistoryEvent& event) const {
    if (is_of_a_task(event)) return 3;
    if (!is_message(event)) return 0;
    if (process_.empty() || event.subject == process_) return 1;
    const std::string_view path = path_of(event);
    return !path.empty() && paths_.contains(path) ? 2 : 3;
  }

 private:
  const std::string& process_;
  std::set<std::string_view> paths_;
};

}  // namespace

std::string relevant_tail(const std::vector<HistoryEvent>& events, const std::string& process, std::size_t lines) {
  const Relevance relevance(events, process);
  std::vector<const HistoryEvent*> chosen;
  std::size_t all = 0;
  for (int level = 0; level <= 3; ++level) {
    for (auto event = events.rbegin(); event != events.rend(); ++event) {
      if (event->subject == "observer" || relevance.of(*event) != level) continue;
      ++all;
      if (chosen.size() < lines) chosen.push_back(&*event);
    }
  }
  std::ranges::sort(chosen, {}, &HistoryEvent::sequence);
  std::string text;
  if (all > chosen.size()) text = "(" + std::to_string(all - chosen.size()) + " of less relevance are left out)\n";
  for (const HistoryEvent* const event : chosen) text += event->describe() + "\n";
  return text;
}

}  // namespace deimos::testkit
