// Records what processes do with locks and believe about them; knows at any moment who believes to hold what.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/observer.h>
#include <deimos/testkit/lock_client.h>
#include <deimos/testkit/lock_history.h>
#include <deimos/testkit/process.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// For one run: must not outlive the scheduler. Used by the scheduler's OS thread.
class DEIMOS_EXPORT LockRecorder {
 public:
  explicit LockRecorder(Scheduler& scheduler);
  ~LockRecorder();
  LockRecorder(const LockRecorder&) = delete;
  LockRecorder& operator=(const LockRecorder&) = delete;

  /// Everything recorded so far. Open tenures are judged as of now.
  [[nodiscard]] LockHistory history() const;
  /// A description of two owners that both believe now to hold one lock, if there are any. Cheap enough to call after
  /// every step of a run.
  [[nodiscard]] std::optional<std::string> overlap() const;
  /// How many owners believe to hold a lock right now.
  [[nodiscard]] std::size_t believers() const;
  /// How many acquires have not returned, crashed ones left out.
  [[nodiscard]] std::size_t waiting() const;

  /// For ClientOptions::observer of `process`: its requests are counted.
  [[nodiscard]] std::shared_ptr<Observer> observe(std::string process);
  /// Call it when a process is paused: nothing can be announced meanwhile.
  void stands_still(std::string_view process, Duration how_long);
  /// Adds a line to the trace.
  void note(std::string_view who, std::string_view text);

  struct State;

 private:
  friend class RecordedLocks;
  friend class FencedResource;
  std::shared_ptr<State> state_;
};

/// A recorded hold. Destroying it releases it.
class DEIMOS_EXPORT RecordedHold {
 public:
  RecordedHold(RecordedHold&&) noexcept;
  RecordedHold& operator=(RecordedHold&&) noexcept;
  ~RecordedHold();

  [[nodiscard]] std::uint64_t fencing_token() const;
  [[nodiscard]] std::stop_token lost() const;
  [[nodiscard]] bool is_held() const;
  [[nodiscard]] TimePoint expires_at() const;
  Result<void> renew();
  Result<Release> release();

 private:
  friend class RecordedLocks;
  friend class FencedResource;
  struct Record;
  explicit RecordedHold(std::unique_ptr<Record> record) noexcept;
  std::unique_ptr<Record> record_;
};

/// The locks of one process, used like a LockManager.
class DEIMOS_EXPORT RecordedLocks {
 public:
  RecordedLocks(Process& process, LockRecorder& recorder, const LockOptions& options = {});
  /// Any other lock client. `request_timeout` as in LockOptions.
  RecordedLocks(Process& process, LockRecorder& recorder, std::unique_ptr<LockClient> client, Duration request_timeout);
  ~RecordedLocks();
  RecordedLocks(const RecordedLocks&) = delete;
  RecordedLocks& operator=(const RecordedLocks&) = delete;

  [[nodiscard]] Result<RecordedHold> acquire(const std::string& name, AcquireOptions options = {},
                                             std::stop_token stop = {});
  void close() noexcept;

 private:
  Process& process_;
  std::shared_ptr<LockRecorder::State> recorder_;
  std::unique_ptr<LockClient> client_;
  Duration request_timeout_;
};

/// A resource guarded by a lock: it remembers the highest fencing token it has seen. Outside all processes: writes to
/// it take no time and cross no network.
class DEIMOS_EXPORT FencedResource {
 public:
  FencedResource(LockRecorder& recorder, std::string name);
  /// False if refused: a write with a higher token came first.
  bool write(const RecordedHold& hold);

 private:
  std::shared_ptr<LockRecorder::State> recorder_;
  std::string name_;
  std::uint64_t highest_ = 0;
};

}  // namespace deimos::testkit
