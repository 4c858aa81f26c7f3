#include <map>

#include <deimos/testkit/checkers.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {

Verdict granted_in_order(const LockHistory& history) {
  std::map<std::string, const Tenure*> last;
  for (const Tenure& tenure : history.tenures) {
    const Tenure*& before = last[tenure.lock];
    if (before != nullptr && before->fencing_token > tenure.fencing_token) {
      return Verdict::wrong("'" + tenure.lock + "' was granted out of order:\n  " + describe(*before) + "\n  " +
                                describe(tenure) + "\nbefore that:\n" + history.tail(40, tenure.granted),
                            tenure.granted);
    }
    before = &tenure;
  }
  return {};
}

}  // namespace deimos::testkit
