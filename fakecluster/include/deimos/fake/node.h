// One node of a fake Deimos: a request goes in, the answer that a real Deimos gives comes out, text and headers
// included. No network and no thread is involved: HttpServer and InProcessTransport are thin fronts on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/fake/clock.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/request_handler.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/export.h>
#include <deimos/transport.h>

namespace deimos::fake {

class ClusterCore;

struct NodeOptions {
  std::string name = "node1";
  std::string client_url = "http://127.0.0.1:4001";  ///< What `/machines` and the member record say.
  std::string peer_url = "http://127.0.0.1:7001";
  /// Not given: a ManualClock of the node's own, moved by advance(). Must outlive the node.
  const Clock* clock = nullptr;
  std::chrono::nanoseconds sweep_interval = std::chrono::milliseconds(500);
  std::chrono::nanoseconds watch_timeout = std::chrono::minutes(5);  ///< A watch without an event ends after this.
  std::size_t history_capacity = 1000;
  std::size_t watch_backlog = 100;  ///< A streaming watch with as many parts not yet taken is dropped; its body ends.
  /// Bytes; a request with a longer target is answered 414. A compare-and-delete has its value there.
  std::size_t target_limit = 1 << 20;
  /// Bytes; a longer key is answered 414 too. Bounds how deep the tree can get: each directory knows its whole path.
  std::size_t key_limit = 4 << 10;
  std::size_t form_limit = 10 << 20;  ///< Bytes; a longer form is refused with error 210, as by Go's HTTP server.
};

/// What a node holds; for tests that want to see nothing left behind.
struct NodeStatistics {
  std::uint64_t index = 0;
  std::size_t keys = 0;  ///< Files and directories, the root and hidden ones too.
  std::size_t watchers = 0;
  std::uint64_t requests = 0;
};

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
  /// The client went away: frees the watch without a word. Unknown tickets are ignored.
  void abandon(Ticket ticket) override;

  /// Moves the node's own ManualClock, with each sweep and watch timeout that falls due on the way, at the instant at
  /// which it does. Throws std::logic_error if the node was given a clock, std::invalid_argument for a negative
  /// duration or one that the clock cannot hold.
  void advance(std::chrono::nanoseconds by);
  /// Does what is due by the clock: sweeps expired keys, ends watches that timed out. Whoever runs the node on a clock
  /// that moves by itself calls this at next_due().
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
