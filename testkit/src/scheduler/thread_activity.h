// What an OS thread of this program does, as the system sees it from outside.
#pragma once

#include <string>

namespace deimos::testkit {

/// Names a thread to activity_of().
using ThreadId = long;

struct ThreadActivity {
  enum class Kind {
    computes,  ///< Runs, or would if it were given a processor.
    blocked,   ///< Waits for something real.
    stopped,   ///< By a debugger or by job control.
    unknown,   ///< Not told here (this is not Linux), or the thread has ended.
  };
  Kind kind = Kind::unknown;
  std::string where = {};  ///< Of one that is blocked: `system call 0 (read)`.
};

[[nodiscard]] ThreadId this_thread() noexcept;
/// Reads /proc. May be asked by any thread.
[[nodiscard]] ThreadActivity activity_of(ThreadId thread);

}  // namespace deimos::testkit
