#include <algorithm>
#include <map>
#include <set>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

Verdict check_tokens(const LockHistory& history) {
  std::vector<const LockCall*> grants;
  std::set<std::size_t> seen;
  for (const LockCall& call : history.calls) {
    if (call.kind != LockCall::Kind::acquire || !call.succeeded()) continue;
    const Tenure& tenure = history.tenures[call.tenure];
    if (call.fencing_token != tenure.fencing_token) {
      return Verdict::wrong("re-entry changed the token from " + std::to_string(tenure.fencing_token) + ":\n  " +
                                describe(call) + "\n  " + describe(tenure) + "\nbefore that:\n" +
                                history.tail(30, *call.returned),
                            call.returned);
    }
    if (!seen.insert(call.tenure).second) continue;
    for (const LockCall* earlier : grants) {
      if (earlier->lock != call.lock) continue;
      const bool ordered = *earlier->returned < call.called;
      if (earlier->fencing_token == call.fencing_token || (ordered && earlier->fencing_token > call.fencing_token)) {
        return Verdict::wrong("tokens of '" + call.lock + "' do not grow:\n  " + describe(*earlier) + "\n  " +
                                  describe(call) + "\nbefore that:\n" + history.tail(40, *call.returned),
                              call.returned);
      }
    }
    grants.push_back(&call);
  }
  return {};
}

Verdict check_writes(const LockHistory& history) {
  std::map<std::string, std::uint64_t> highest;
  for (const GuardedWrite& write : history.writes) {
    std::uint64_t& seen = highest[write.lock];
    if (write.accepted && write.fencing_token < seen) {
      return Verdict::wrong(write.owner.describe() + " wrote to " + write.lock + " at " + describe_time(write.at) +
                                " with token " + std::to_string(write.fencing_token) + ", after " +
                                std::to_string(seen),
                            write.at);
    }
    seen = std::max(seen, write.fencing_token);
  }
  return {};
}

}  // namespace

Verdict fencing(const LockHistory& history) {
  Verdict tokens = check_tokens(history);
  return tokens ? check_writes(history) : tokens;
}

Verdict holders_are_accepted(const LockHistory& history) {
  for (const GuardedWrite& write : history.writes) {
    if (write.accepted || !write.believed) continue;
    return Verdict::wrong(write.owner.describe() + " holds '" + write.lock + "' and was refused at " +
                              describe_time(write.at) + ", because its token " + std::to_string(write.fencing_token) +
                              " is not the highest:\n  " + describe(history.tenures[write.tenure]) +
                              "\nbefore that:\n" + history.tail(40, write.at),
                          write.at);
  }
  return {};
}

}  // namespace deimos::testkit
