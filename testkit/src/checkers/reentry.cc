#include <string>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

std::string fault_of_acquire(const LockHistory& history, const LockCall& call) {
  if (!call.believed_before || !call.reentrant) return {};
  if (*call.returned != call.called) return "had to wait for what its owner holds";
  if (call.error) return "was refused what its owner holds";
  if (call.fencing_token != history.tenures[call.tenure].fencing_token) return "was granted anew what its owner holds";
  return {};
}

std::string fault_of_release(const LockHistory& history, const LockCall& call) {
  const Tenure& tenure = history.tenures[call.tenure];
  const bool outermost = call.depth_before <= 1;
  if (call.believed_before) {
    if (call.error) {
      // It may be lost while it is being released, and the store may know that before its owner does.
      if (outermost || tenure.until <= call.called) return {};
      return "of an inner hold was refused";
    }
    if (!call.release) return {};
    if (outermost && *call.release == Release::nested) return "of the outermost hold freed nothing";
    if (!outermost && *call.release != Release::nested) return "of an inner hold freed the lock";
    return {};
  }
  return call.error ? std::string() : "ended something, though the lock was lost";
}

}  // namespace

Verdict reentry(const LockHistory& history) {
  for (const LockCall& call : history.calls) {
    if (!call.returned || call.crashed) continue;
    std::string fault;
    if (call.kind == LockCall::Kind::acquire) fault = fault_of_acquire(history, call);
    if (call.kind == LockCall::Kind::release) fault = fault_of_release(history, call);
    if (fault.empty()) continue;
    std::string text = "a call " + fault + ":\n  " + describe(call);
    if (call.tenure != LockCall::none) text += "\n  " + describe(history.tenures[call.tenure]);
    return Verdict::wrong(text + "\nbefore that:\n" + history.tail(40, *call.returned), call.returned);
  }
  return {};
}

}  // namespace deimos::testkit
