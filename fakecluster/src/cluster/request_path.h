// What becomes of a request on its way to a node, and at it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <deimos/fake/request_handler.h>
#include <deimos/fake/rule.h>
#include <deimos/internal/random_stream.h>
#include <deimos/transport.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/gateway_path.h"
#include "cluster/replicas.h"
#include "faults/intercepted_request.h"
#include "faults/rule_chain.h"
#include "faults/seen_request.h"

namespace deimos::fake {

/// Rules decide on a request first; then it comes to its node, which asks the log and the store. Not thread-safe:
/// guarded by the cluster's mutex.
class RequestPath final : public InterceptionHost {
 public:
  using Ticket = RequestHandler::Ticket;

  /// `resets` is part of each ticket, so that one from before a reset names nothing.
  RequestPath(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed,
              std::uint64_t resets);

  Ticket handle(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  void abandon(Ticket ticket);

  [[nodiscard]] RuleChain& rules() noexcept { return rules_; }
  /// Lets go what these rules, which are gone, held back.
  void release(const std::vector<RuleId>& rules);

  /// How many requests wait for `node` to go on.
  [[nodiscard]] std::size_t undelivered(NodeId node) const;
  /// Brings them to it.
  void resume(NodeId node);
  /// Breaks whatever is on its way to `node` or waits there.
  void crash(NodeId node);
  /// Answers all that 503, and whatever comes from now on.
  void close(NodeId node);

  // InterceptionHost.
  void call_after(std::chrono::nanoseconds delay, std::function<void()> call) override;
  internal::RandomStream& interception_random() override { return random_; }
  void interception_ended(std::uint64_t intercepted) override { intercepted_.erase(intercepted); }

 private:
  using Intercepted = std::shared_ptr<InterceptedRequest>;
  enum class TicketKind : std::uint64_t { watch = 1, waiting = 2, intercepted = 3 };  // A stream is a watch.
  struct Door {
    bool closed = false;
    std::vector<Intercepted> undelivered = {};  // Requests that came while the node was paused.
  };

  Ticket journal(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  Ticket treat(const SeenRequest& seen, const Origin& origin, const std::shared_ptr<Reply>& reply, JournalEntry* entry);
  Ticket deliver(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  void deliver(const Intercepted& intercepted);
  Ticket serve(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  Ticket serve_gateway(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& reply);
  Intercepted intercept(NodeId node, const Origin& origin, const Request& request, const std::shared_ptr<Reply>& client,
                        RuleAction action);
  [[nodiscard]] Ticket make_ticket(TicketKind kind, NodeId node, std::uint64_t id) const noexcept;
  [[nodiscard]] Ticket ticket_of(const InterceptedRequest& intercepted) const;
  [[nodiscard]] Door& door(NodeId node) { return doors_[node - 1]; }
  void duplicate(NodeId node, const Origin& origin, const Request& request, const Duplicate& how);
  void hold_back(RuleId rule, Intercepted intercepted, std::chrono::nanoseconds at_most);
  void release(RuleId rule);

  ClusterContext& context_;
  Consensus& consensus_;
  Replicas& replicas_;
  const std::uint64_t resets_;
  std::vector<Door> doors_;
  const KeysDialect& dialect_;
  std::optional<GatewayPath> gateway_;
  RuleChain rules_;
  std::map<std::uint64_t, Intercepted> intercepted_;
  std::uint64_t last_intercepted_ = 0;
  std::map<RuleId, std::pair<Intercepted, TimedEvents::Id>> held_back_;
  internal::RandomStream random_;
};

}  // namespace deimos::fake
