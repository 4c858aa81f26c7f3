#include <algorithm>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {

Verdict mutual_exclusion(const LockHistory& history) {
  for (std::size_t later = 0; later < history.tenures.size(); ++later) {
    const Tenure& second = history.tenures[later];
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      const Tenure& first = history.tenures[earlier];
      if (first.lock != second.lock) continue;
      const Duration from = std::max(first.granted, second.granted);
      const Duration until = std::min(first.until, second.until);
      if (from >= until) continue;
      return Verdict::wrong("two owners hold '" + first.lock + "' at " + describe_time(from) + ":\n  " +
                                describe(first) + "\n  " + describe(second) + "\nbefore that:\n" +
                                history.tail(40, from),
                            from);
    }
  }
  return {};
}

}  // namespace deimos::testkit
