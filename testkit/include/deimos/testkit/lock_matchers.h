// The checkers as GoogleTest matchers. Include it where gmock is linked anyway; the library itself does not need it.
//
//     EXPECT_THAT(recorder.history(), testkit::IsMutuallyExclusive());
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/testkit/checkers.h>

namespace deimos::testkit {

/// Of a Verdict.
MATCHER(IsFine, "is fine") {
  *result_listener << "it is not: " << arg.what();
  return arg.ok();
}

/// Of a LockHistory: what `check` says of it.
template <typename Check>
class HistoryMatcher {
 public:
  using is_gtest_matcher = void;
  HistoryMatcher(std::string name, Check check) : name_(std::move(name)), check_(std::move(check)) {}
  bool MatchAndExplain(const LockHistory& history, std::ostream* out) const {
    const Verdict verdict = check_(history);
    if (!verdict && out != nullptr) *out << verdict.what();
    return verdict.ok();
  }
  void DescribeTo(std::ostream* out) const { *out << name_; }
  void DescribeNegationTo(std::ostream* out) const { *out << "not: " << name_; }

 private:
  std::string name_;
  Check check_;
};

[[nodiscard]] inline auto IsMutuallyExclusive() {
  return HistoryMatcher("no two owners hold a lock at the same time",
                        [](const LockHistory& h) { return mutual_exclusion(h); });
}
[[nodiscard]] inline auto HasGrowingTokens() {
  return HistoryMatcher("fencing tokens grow", [](const LockHistory& h) { return fencing(h); });
}
[[nodiscard]] inline auto AcceptsItsHolders() {
  return HistoryMatcher("nobody is refused who holds the lock",
                        [](const LockHistory& h) { return holders_are_accepted(h); });
}
[[nodiscard]] inline auto AnnouncesLosses() {
  return HistoryMatcher("losses are announced once and in time",
                        [](const LockHistory& h) { return loss_is_announced(h); });
}
[[nodiscard]] inline auto ReturnsInTime() {
  return HistoryMatcher("every call returns by its deadline", [](const LockHistory& h) { return deadlines(h); });
}
[[nodiscard]] inline auto CountsReentry() {
  return HistoryMatcher("owners re-enter and leave as often", [](const LockHistory& h) { return reentry(h); });
}
[[nodiscard]] inline auto IsGrantedInOrder() {
  return HistoryMatcher("locks are granted in the order of their queues",
                        [](const LockHistory& h) { return granted_in_order(h); });
}
[[nodiscard]] inline auto ServesWaiters(LivenessBounds bounds) {
  return HistoryMatcher("no lock stays free while somebody waits",
                        [bounds](const LockHistory& h) { return liveness(h, bounds); });
}
[[nodiscard]] inline auto KeepsItsBudget(RequestBudget budget = {}) {
  return HistoryMatcher("few requests are sent", [budget](const LockHistory& h) { return request_budget(h, budget); });
}
[[nodiscard]] inline auto StaysWithinLeases(std::vector<fake::AuditRecord> audit, std::string prefix) {
  return HistoryMatcher("nobody believes in a lock beyond its lease",
                        [audit = std::move(audit), prefix = std::move(prefix)](const LockHistory& h) {
                          return leases(h, audit, prefix);
                        });
}
[[nodiscard]] inline auto OwnsWhatItChanges(std::vector<fake::AuditRecord> audit, std::string prefix) {
  return HistoryMatcher("every change of a lock is its owner's",
                        [audit = std::move(audit), prefix = std::move(prefix)](const LockHistory& h) {
                          return ownership(h, audit, prefix);
                        });
}

/// How gtest prints a history: by its end.
inline void PrintTo(const LockHistory& history, std::ostream* out) {
  *out << "a history that ends with\n" << history.tail(20);
}

}  // namespace deimos::testkit
