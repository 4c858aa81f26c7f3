// Every request of a run and what it cost, so that a test can say how many of which kind there may be. Exact, because
// it is simulated.
//
//     EXPECT_EQ(trace.cost({.process = "worker", .method = "PUT", .key = "/jobs/**"}).requests, 3);
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

/// One exchange of one process with one node; a request that is sent again is another.
struct TracedRequest {
  Duration at = {};    ///< When it was sent: true virtual time since the start.
  Duration took = {};  ///< Until its answer came, or it was given up.
  std::string process;
  std::string method;              ///< `PUT`, …; `WATCH` for a GET that waits.
  std::string key;                 ///< `/jobs/1`, percent-decoded; what is not about a key: its path, `/machines`.
  std::string node;                ///< URL.
  int status = 0;                  ///< Of the answer; 0: none came.
  bool unclear = false;            ///< None came, and it may have been acted on.
  bool gap = false;                ///< The answer says that the history asked for is gone (error 401).
  std::size_t bytes_sent = 0;      ///< Target and body.
  std::size_t bytes_received = 0;  ///< Body.
};

/// Which requests; what is empty matches any. Patterns as in fake::Match::key: `*`, `**`, `?`.
struct RequestPattern {
  std::string process = {};  ///< A pattern.
  std::string method = {};   ///< As TracedRequest::method.
  std::string key = {};      ///< A pattern.
};

/// What requests cost together.
struct RequestCost {
  std::uint64_t requests = 0;
  std::uint64_t round_trips = 0;  ///< Requests that were answered.
  std::uint64_t bytes = 0;        ///< Sent and received.
  Duration latency = {};          ///< Virtual time in which they were waited for, one after the other.
  bool operator==(const RequestCost&) const = default;
};

/// Filled by a SimulatedNetwork (SimulatedNetwork::trace_to()). Used by the scheduler's OS thread.
class DEIMOS_EXPORT RequestTrace {
 public:
  void add(TracedRequest request) { requests_.push_back(std::move(request)); }
  /// In the order in which they ended.
  [[nodiscard]] const std::vector<TracedRequest>& requests() const noexcept { return requests_; }
  /// Throws std::invalid_argument for a pattern that is too long.
  [[nodiscard]] RequestCost cost(const RequestPattern& which = {}) const;
  /// A line for each process, method and key: how many, answered, bytes, time. Those that `which` does not match are
  /// marked as not counted.
  [[nodiscard]] std::string describe(const RequestPattern& which = {}) const;

 private:
  std::vector<TracedRequest> requests_;
};

}  // namespace deimos::testkit
