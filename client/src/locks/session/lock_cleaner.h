// Finishes in the background what a release or a given-up acquire could not: deletes the record of one token, for as
// long as it could be there or still turn up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>
#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>
#include <deimos/runtime.h>

#include "locks/session/lock_acquisition.h"

namespace deimos {

/// Thread-safe.
class LockCleaner {
 public:
  struct Job {
    std::string name;
    OwnRecord record;
    bool in_queue = false;  ///< Its key is not known: it may be anywhere in the queue `record.key`.
    std::uint64_t fencing_token = 0;
    bool granted = false;   ///< The record was there for certain.
    InDoubtWrites residue;  ///< It may turn up (once more).
    TimePoint not_before;   ///< Leaves it to its holder until then.
    TimePoint until;        ///< When the last lease of it is over: nothing of it matters any more.
  };
  using Report = std::function<void(LockEvent::Kind, const Job&)>;

  LockCleaner(Runtime& runtime, LockBackend& backend, const LockOptions& options, Report report);
  void add(Job job);
  /// The body of the cleaning task.
  void run(const std::stop_token& stop);
  /// Tries each job that is left once more, and forgets them. For closing, when run() has returned.
  void finish(TimePoint deadline) noexcept;

 private:
  struct Entry {
    Job job;
    TimePoint next_try;
    Duration pause;
  };

  /// Takes the job that is due out, if one is; else says when one will be.
  [[nodiscard]] std::optional<Entry> take_due(TimePoint& next);
  /// One try; whether the job is done.
  [[nodiscard]] bool clean(Job& job, const Deadline& until);
  [[nodiscard]] bool work_on(Entry& entry, const std::stop_token& stop);
  void put_back(Entry entry);

  Runtime& runtime_;
  LockBackend& backend_;
  const LockOptions& options_;
  const Report report_;
  const std::unique_ptr<Signal> arrived_;
  internal::LocalMutex mutex_;
  std::vector<Entry> entries_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos
