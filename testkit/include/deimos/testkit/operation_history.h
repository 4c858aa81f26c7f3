// Operations on single keys as the clients saw them: what was called when, and what came of it. Recorded in a run or
// read from a file; checked by check_linearizability() (linearizability.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

/// One operation. A value is any text; none means that the key does not exist.
struct DEIMOS_EXPORT Operation {
  using Value = std::optional<std::string>;
  enum class Kind { read, write, compare_and_swap };
  enum class Outcome {
    pending,  ///< Not answered when the history ended: as unknown.
    ok,       ///< It took effect, between call and return.
    failed,   ///< It certainly had no effect, and will have none.
    unknown,  ///< It may take effect at any time after the call, or never.
  };

  std::int64_t process = 0;
  Kind kind = Kind::read;
  std::string key;
  Value value;     ///< Read, written, or swapped in.
  Value expected;  ///< Of a compare-and-swap: what it replaced.
  Duration called = {};
  Duration returned = Duration::max();  ///< When its outcome was noted; Duration::max() while pending.
  Outcome outcome = Outcome::pending;

  /// One line: `+1.250000000s  process 3  write x = 7  ok after 2ms`.
  [[nodiscard]] std::string describe() const;
};

/// A history file that cannot be read. what() begins with `NAME:LINE: `.
class DEIMOS_EXPORT HistoryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Operations in the order of their calls. A process has one operation at a time; after one whose outcome is unknown it
/// goes on under a new number. Not thread-safe.
class DEIMOS_EXPORT OperationHistory {
 public:
  using Id = std::size_t;

  /// Notes a call, at an instant not before any noted so far. Throws std::invalid_argument if the process has an
  /// operation that has not returned, or time runs backwards.
  Id call(std::int64_t process, Operation::Kind kind, std::string key, Operation::Value value, Duration at,
          Operation::Value expected = {});
  /// Notes the outcome of a call; `read` is what a read found. Throws std::invalid_argument if it has one already, or
  /// time runs backwards.
  void finish(Id operation, Operation::Outcome outcome, Duration at, Operation::Value read = {});

  /// In the order of their calls; an Id is a place here.
  [[nodiscard]] const std::vector<Operation>& operations() const noexcept { return operations_; }
  /// Calls and outcomes in their order: each Id once or twice.
  [[nodiscard]] const std::vector<Id>& events() const noexcept { return events_; }

  /// Writes JSON lines, one for each call and each outcome, in the order of time:
  ///
  ///     {"process":1,"type":"invoke","op":"write","key":"x","value":"7","time":1250000000}
  ///     {"process":1,"type":"ok","op":"write","key":"x","value":"7","time":1252000000}
  ///
  /// `type` is invoke, ok, fail or info (unknown); `op` is read, write or cas; `value` is null where there is none, and
  /// `[from, to]` of a cas; `time` counts nanoseconds.
  void write(std::ostream& out) const;
  /// Reads what write() writes. A value that is not a string (a number, say) stands for its JSON text. `name` is for
  /// messages. Throws HistoryError at the first line that is malformed, truncated or contradicts an earlier one: an
  /// outcome without a call, a second call of one process, time that runs backwards.
  [[nodiscard]] static OperationHistory read(std::istream& in, std::string_view name);

 private:
  void advance(Duration at);

  std::vector<Operation> operations_;
  std::map<std::int64_t, Id> latest_;  // Of each process.
  std::vector<Id> events_;
  Duration now_ = Duration::min();
};

}  // namespace deimos::testkit
