#include <algorithm>
#include <optional>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

bool was_lost(const Tenure& tenure) { return tenure.end == Tenure::End::lost || tenure.end == Tenure::End::expired; }

/// What is wrong with how the end of `tenure` was announced.
std::optional<std::string> fault_of(const LockHistory& history, const Tenure& tenure, Duration tolerance) {
  if (tenure.end == Tenure::End::crashed) return std::nullopt;
  const Duration due = history.after_standstill(tenure.owner.process, tenure.deadline);
  const Duration latest = due > Duration::max() - tolerance ? Duration::max() : due + tolerance;
  if (tenure.until != Duration::max() && tenure.until > latest) return "it was believed in after its deadline";
  if (!tenure.announced) {
    const bool over = was_lost(tenure) || tenure.end == Tenure::End::open;
    if (over && history.end > latest) return "the loss was never announced";
    if (!tenure.callbacks.empty()) return "the callback was called, and lost() was not triggered";
    return std::nullopt;
  }
  if (*tenure.announced > latest) return "the loss was announced too late, at " + describe_time(*tenure.announced);
  if (tenure.released_well)
    return "a loss was announced at " + describe_time(*tenure.announced) + " of what was released";
  if (tenure.callbacks.size() > 1)
    return "the callback was called " + std::to_string(tenure.callbacks.size()) + " times";
  if (tenure.callbacks.empty() && history.end > *tenure.announced + tolerance) {
    const Duration awake = history.after_standstill(tenure.owner.process, *tenure.announced);
    if (history.end > awake + tolerance) return "the callback was never called";
  }
  if (!tenure.callbacks.empty() && tenure.callbacks.front() < *tenure.announced)
    return "the callback came before lost()";
  return std::nullopt;
}

}  // namespace

Verdict loss_is_announced(const LockHistory& history, Duration tolerance) {
  for (const Tenure& tenure : history.tenures) {
    if (const auto fault = fault_of(history, tenure, tolerance)) {
      const Duration around = std::max(tenure.announced.value_or(tenure.granted), std::min(tenure.until, history.end));
      return Verdict::wrong(*fault + ":\n  " + describe(tenure) + "\nbefore that:\n" + history.tail(40, around),
                            around);
    }
  }
  return {};
}

}  // namespace deimos::testkit
