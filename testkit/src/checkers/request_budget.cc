#include <algorithm>
#include <map>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {

Verdict request_budget(const LockHistory& history, const RequestBudget& budget) {
  const Duration until = std::min(budget.until, history.end);
  struct Count {
    std::size_t sent = 0;
    std::size_t calls = 0;
    std::map<std::string, std::size_t> kinds;
  };
  std::map<std::string, Count> processes;
  for (const SentRequest& request : history.requests) {
    if (request.at < budget.from || request.at > until) continue;
    Count& count = processes[request.process];
    ++count.sent;
    ++count.kinds[request.text];
  }
  for (const LockCall& call : history.calls) {
    if (call.called <= until && call.returned.value_or(history.end) >= budget.from)
      ++processes[call.owner.process].calls;
  }
  const double seconds = std::chrono::duration<double>(until - budget.from).count();
  for (const auto& [process, count] : processes) {
    const double allowed = budget.per_call * static_cast<double>(count.calls) + budget.per_second * seconds;
    if (static_cast<double>(count.sent) <= allowed) continue;
    std::string text = process + " sent " + std::to_string(count.sent) + " requests from " +
                       describe_time(budget.from) + " to " + describe_time(until) + " for " +
                       std::to_string(count.calls) + " calls; allowed are " + std::to_string(allowed);
    for (const auto& [kind, number] : count.kinds) text += "\n  " + std::to_string(number) + " x " + kind;
    return Verdict::wrong(text + "\nwhat happened last:\n" + history.tail(30, until), until);
  }
  return {};
}

}  // namespace deimos::testkit
