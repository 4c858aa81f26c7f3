#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {

Verdict deadlines(const LockHistory& history, Duration tolerance) {
  for (const LockCall& call : history.calls) {
    if (call.crashed || call.due == Duration::max()) continue;
    const Duration latest = history.after_standstill(call.owner.process, std::max(call.due, call.called)) + tolerance;
    if (call.returned.value_or(history.end) <= latest) continue;
    const Duration back = call.returned.value_or(history.end);
    return Verdict::wrong("a call did not return by " + describe_time(call.due) + ":\n  " + describe(call) +
                              "\nbefore that:\n" + history.tail(40, back),
                          back);
  }
  return {};
}

}  // namespace deimos::testkit
