// What deimos-fake writes of each request.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/http_server_options.h>
#include <deimos/fake/journal.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

/// One line a request, to standard error, when it has its outcome: the cluster's time, the node, the client, what it
/// was, its status, how long it took by the cluster's clock, what else there is to say of its outcome, and what a rule
/// did. Lines are left out, and counted, while nobody reads a pipe that is full: no request waits for them.
/// Thread-safe.
class AccessLog {
 public:
  /// `nodes`: their names, node 1 first.
  void name_nodes(std::vector<std::string> nodes);
  void write(const JournalEntry& entry);
  /// What came to a node and was not a request, at that time of the cluster. Any other access is left to its entry.
  void write(const HttpAccess& access, Instant now);

 private:
  void write_line(const std::string& line) DEIMOS_REQUIRES(mutex_);

  internal::LocalMutex mutex_;
  std::vector<std::string> nodes_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t left_out_ DEIMOS_GUARDED_BY(mutex_) = 0;
};

}  // namespace deimos::fake
