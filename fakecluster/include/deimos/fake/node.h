// One node of a fake Deimos: a request goes in, the answer that a real Deimos gives comes out, text and headers
// included. No network and no thread is involved: HttpServer and InProcessTransport are thin fronts on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/node_options.h>
#include <deimos/fake/request_handler.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>
#include <deimos/transport.h>

namespace deimos::fake {

class ClusterCore;

/// A node of a Cluster, or one by itself: a cluster of one, for which time and close() mean the whole of it.
/// Thread-safe; every member returns without blocking.
class DEIMOS_EXPORT Node final : public RequestHandler {
 public:
  /// A node by itself. Throws std::invalid_argument if sweep_interval or watch_timeout is not positive, or
  /// history_capacity is 0.
  explicit Node(NodeOptions options = {});
  ~Node() override;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Answers `request`, at once but for a watch whose event is still to come, and in a Cluster for whatever its faults
  /// and rules hold up. Returns 0 if the answer is complete, else a ticket to abandon() it with.
  Ticket handle(const Request& request, std::shared_ptr<Reply> reply, const Origin& origin);
  Ticket handle(const Request& request, std::shared_ptr<Reply> reply) override;
  /// Answers at once: as above, but a watch gets what it would have been sent by now, and is abandoned. The status is 0
  /// if there is no answer yet, or the connection broke.
  [[nodiscard]] Response handle(const Request& request);
  /// The client closed the connection: frees the watch. Unknown tickets are ignored.
  void abandon(Ticket ticket) override;

  /// Moves the node's own ManualClock, with each sweep and watch timeout that falls due on the way, at the instant at
  /// which it does. Throws std::logic_error if the node was given a clock, std::invalid_argument for a negative
  /// duration or one that the clock cannot hold.
  void advance(std::chrono::nanoseconds by);
  /// Runs everything due by now: sweeps of expired keys, time-outs of watches. To be called at next_due() if the clock
  /// moves by itself.
  void run_due();
  /// When something falls due; Instant::max() if nothing ever does. Any request can bring it nearer.
  [[nodiscard]] Instant next_due() const;
  /// By the clock that next_due() is of: true time, of which the node's own clock in a Cluster may differ.
  [[nodiscard]] Instant now() const override;
  /// Not while it is crashed.
  void on_reachable(std::function<void(bool)> call) override;
  [[nodiscard]] NodeId id() const noexcept { return id_; }

  /// Ends the body of every watch and refuses further requests with 503. Idempotent.
  void close();
  [[nodiscard]] NodeStatistics statistics() const;

 private:
  friend class ClockDriver;
  friend class Cluster;
  Node(std::shared_ptr<ClusterCore> core, NodeId id);

  std::shared_ptr<ClusterCore> core_;
  NodeId id_ = 1;
};

}  // namespace deimos::fake
