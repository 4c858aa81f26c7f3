#include <algorithm>
#include <utility>
#include <vector>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

using Span = std::pair<Duration, Duration>;

Duration later(Duration at, Duration by) { return at > Duration::max() - by ? Duration::max() : at + by; }

/// When `lock` may keep others waiting, sorted by begin.
std::vector<Span> excused(const LockHistory& history, const std::string& lock, const LivenessBounds& bounds) {
  std::vector<Span> spans{{Duration::zero(), bounds.from + bounds.after_release}};
  for (const Tenure& tenure : history.tenures) {
    if (tenure.lock != lock) continue;
    const bool released = tenure.end == Tenure::End::released;
    spans.emplace_back(tenure.granted, later(tenure.until, released ? bounds.after_release : bounds.after_loss));
  }
  for (const LockCall& call : history.calls) {
    if (call.lock != lock) continue;
    if (call.crashed) {
      spans.emplace_back(*call.crashed, later(*call.crashed, bounds.after_loss));  // What it had sent may turn up.
    } else if (call.kind == LockCall::Kind::acquire && call.error && call.returned) {
      spans.emplace_back(*call.returned, later(*call.returned, bounds.after_release));
    }
  }
  std::sort(spans.begin(), spans.end());
  return spans;
}

}  // namespace

Verdict liveness(const LockHistory& history, const LivenessBounds& bounds) {
  for (const std::string& lock : history.locks()) {
    const std::vector<Span> spans = excused(history, lock, bounds);
    for (const LockCall& call : history.calls) {
      if (call.kind != LockCall::Kind::acquire || call.lock != lock || call.crashed) continue;
      const Duration until = call.returned.value_or(history.end);
      Duration free_from = later(call.called, bounds.after_release);
      for (const Span& span : spans) {
        if (span.first > std::min(free_from, until)) break;
        free_from = std::max(free_from, span.second);
      }
      if (free_from >= until) continue;
      return Verdict::wrong("'" + lock + "' is free, and not granted at " + describe_time(free_from) +
                                " to whoever waits for it:\n  " + describe(call) + "\nwhat happened to it:\n" +
                                history.tail(40, until),
                            free_from);
    }
  }
  return {};
}

}  // namespace deimos::testkit
