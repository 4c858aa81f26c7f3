// What may be left of records that nobody wants any more, on leases that others go on using: writes without an answer,
// and records that could not be removed. They are removed before a lease is kept alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <deimos/internal/local_mutex.h>

namespace deimos {

/// Thread-safe; calls nobody. A record is known by its key and its token, which is one acquisition's. It must not be
/// removed as a remnant while its holder believes in it: whoever writes or finds one says so here first, and once its
/// removal is under way it is nobody's.
class EtcdRemnants {
 public:
  struct Record {
    std::string key;
    std::string token;
  };

  /// About to be written: false if it must not be, as an earlier one may be removed at any time.
  [[nodiscard]] bool begin_write(const Record& record);
  /// The write had no answer: it may turn up on that lease.
  void left_behind(std::int64_t lease, const Record& record);
  /// It was written, and is somebody's.
  void written(const Record& record);
  /// The write did nothing.
  void not_written(const Record& record);
  /// Somebody has seen it in the store, and may have it; false if it is to be taken for gone.
  [[nodiscard]] bool seen(const Record& record);

  /// Its owner could not remove it, and may have done so all the same. `lease`: 0 if not known.
  void doomed(std::int64_t lease, const Record& record);
  /// Its owner removed it, or (`was_there` false) found it gone.
  void removed(const Record& record, bool was_there);

  /// Those that are to be removed now, each key once, at most `most`.
  [[nodiscard]] std::vector<Record> begin_removal(std::size_t most);
  /// What became of one of them.
  enum class Removal { done, not_there, not_tried, unclear };
  void end_removal(const Record& record, Removal removal);

  /// Those on leases for which that is true are gone with them.
  void forget(const std::function<bool(std::int64_t lease)>& is_gone);

 private:
  struct Remnant {
    std::int64_t lease = 0;
    Record record;
    int may_come = 0;       ///< Writes that may turn up: that it is not there does not say that it will not be.
    bool doomed = false;    ///< A removal was tried.
    bool removing = false;  ///< And may still be acted on.
    bool wanted = false;    ///< It was written anew, by somebody who has it.
  };
  using Remnants = std::vector<Remnant>;
  [[nodiscard]] Remnants::iterator find(const Record& record) DEIMOS_REQUIRES(mutex_);
  void add(Remnant remnant) DEIMOS_REQUIRES(mutex_);

  internal::LocalMutex mutex_;
  Remnants remnants_ DEIMOS_GUARDED_BY(mutex_);  ///< Oldest first.
};

}  // namespace deimos
