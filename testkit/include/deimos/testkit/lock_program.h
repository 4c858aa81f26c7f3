// A lock program: what processes do with locks in one run, as a value. Drawn from a seed, shrunk, printed, and run.
//
// Any subset of the steps is a program too: a step that makes no sense (a release of what is not held) does nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/lock_recorder.h>
#include <deimos/testkit/process.h>

namespace deimos::testkit {

struct LockStep {
  enum class Kind {
    lock,           ///< Waits as long as it takes; not while its process holds something else, lest two wait in a ring.
    try_lock,       ///< One try.
    timed,          ///< Waits for `amount`.
    cancelled,      ///< Waits as long as it takes, and is cancelled after `amount`.
    unlock,         ///< Releases the hold acquired last.
    unlock_oldest,  ///< Releases the hold acquired first.
    unlock_again,   ///< Releases once more what was released last.
    write,          ///< To what the lock held last guards.
    renew,
    sleep,  ///< For `amount`, with whatever is held.
  };
  Kind kind = Kind::lock;
  int lock = 0;  ///< `a`, `b`, …
  Duration amount = {};
  bool other_owner = false;  ///< By a second owner (AcquireOptions::owner), not by the task.
  bool operator==(const LockStep&) const = default;
};

struct DEIMOS_EXPORT LockProgram {
  std::vector<std::vector<LockStep>> processes;
  bool operator==(const LockProgram&) const = default;
  /// A line for each process.
  [[nodiscard]] std::string describe() const;
};

struct ProgramLimits {
  int processes = 3;
  int locks = 2;
  int steps = 24;  ///< Of each process.
  Duration longest = std::chrono::seconds(20);
  bool careless = false;  ///< Releases again what it has released.
};

[[nodiscard]] DEIMOS_EXPORT LockProgram random_program(std::uint64_t seed, const ProgramLimits& limits);
[[nodiscard]] DEIMOS_EXPORT LockStep random_step(std::uint64_t draw, const ProgramLimits& limits);
[[nodiscard]] DEIMOS_EXPORT std::string name_of_process(std::size_t index);  ///< `p1`, `p2`, …
[[nodiscard]] DEIMOS_EXPORT std::string name_of_lock(int lock);

/// How far a process has come in its program. The test keeps it, so that a restarted process goes on from there.
struct ProgramState {
  std::size_t next = 0;
};

/// Runs `steps` in `process`, then releases everything.
DEIMOS_EXPORT void run_steps(const std::vector<LockStep>& steps, ProgramState& state, Process& process,
                             RecordedLocks& locks, const std::function<FencedResource&(const std::string&)>& resource);

}  // namespace deimos::testkit
