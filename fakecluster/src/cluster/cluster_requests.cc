// What becomes of a request on its way to a node, and at it.
#include <utility>
#include <variant>

#include <deimos/internal/saturating_time.h>

#include "cluster/cluster_call.h"
#include "cluster/cluster_core.h"
#include "protocol/answer_writer.h"
#include "protocol/request_router.h"

namespace deimos::fake {
namespace {

constexpr std::string_view client_header = "X-Deimos-Client";

// A ticket, from its highest bit: 2 bits of kind, 7 of node, 8 of resets, 47 of id.
constexpr int kind_shift = 62;
constexpr int node_shift = 55;
constexpr int reset_shift = 47;

Response unavailable() { return plain_answer(503, "Service Unavailable\n"); }

Response made_up(const Answer& answer) {
  if (answer.error_code != 0) return error_answer(static_cast<errc>(answer.error_code), answer.body, 0, true);
  return {answer.status, {{"Content-Type", answer.content_type}}, answer.body};
}

}  // namespace

ClusterCore::Ticket ClusterCore::handle(NodeId node, const Origin& origin, const Request& request,
                                        const std::shared_ptr<Reply>& reply) {
  const Call call(*this);
  Replica& at = replica(node);
  ++at.requests;
  if (at.closed) {
    reply->answer(unavailable(), false);
    return 0;
  }
  if (!rules_.empty()) return treat(at, named(origin, request), request, reply);
  if (!observer_) return deliver(at, origin, request, reply);
  return deliver(at, named(origin, request), request, reply);
}

Origin ClusterCore::named(const Origin& origin, const Request& request) const {
  Origin named = origin;
  if (named.client.empty()) {
    if (const std::string* name = find_header(request.headers, client_header)) named.client = *name;
  }
  return named;
}

/// Lets the first rule that acts decide.
ClusterCore::Ticket ClusterCore::treat(Replica& at, const Origin& origin, const Request& request,
                                       const std::shared_ptr<Reply>& reply) {
  const auto decision = rules_.decide(origin.client, at.id, request);
  if (!decision || (std::holds_alternative<Pass>(decision->action) && !decision->releases)) {
    return deliver(at, origin, request, reply);
  }
  if (!std::holds_alternative<Pass>(decision->action)) {
    tell(Incident::Kind::rule, at.id, [&] {
      return std::string(name_of(decision->action)) + " of " + request.method + " " + request.target + " by " +
             (origin.client.empty() ? "somebody" : origin.client);
    });
  }
  if (decision->releases) {
    const Ticket ticket = deliver(at, origin, request, reply);
    release(decision->rule);
    return ticket;
  }
  if (const auto* answer = std::get_if<Answer>(&decision->action)) {
    reply->answer(made_up(*answer), false);
    return 0;
  }
  if (std::holds_alternative<RefuseConnection>(decision->action)) {
    reply->broken(Delivery::not_sent);
    return 0;
  }
  if (const auto* how = std::get_if<Duplicate>(&decision->action)) {
    const Ticket ticket = deliver(at, origin, request, reply);
    duplicate(at, origin, request, *how);
    return ticket;
  }
  const std::shared_ptr<InterceptedRequest> intercepted =
      make_intercepted(at, origin, request, reply, decision->action);
  if (const auto* reorder = std::get_if<Reorder>(&decision->action)) {
    hold_back(decision->rule, intercepted, reorder->at_most);
  } else if (const auto* delay = std::get_if<Delay>(&decision->action); delay != nullptr && !delay->answer) {
    call_after(interception_random_.between(delay->least, delay->most), [this, intercepted] { deliver(intercepted); });
  } else if (!std::holds_alternative<DropRequest>(decision->action)) {
    deliver(intercepted);
  }
  return ticket_of(*intercepted);
}

std::shared_ptr<InterceptedRequest> ClusterCore::make_intercepted(Replica& at, const Origin& origin,
                                                                  const Request& request,
                                                                  const std::shared_ptr<Reply>& client,
                                                                  RuleAction action) {
  const std::uint64_t id = ++last_intercepted_;
  auto intercepted = std::make_shared<InterceptedRequest>(*this, id, at.id, origin, request, client, std::move(action));
  intercepted_.emplace(id, intercepted);
  return intercepted;
}

ClusterCore::Ticket ClusterCore::make_ticket(TicketKind kind, NodeId node, std::uint64_t id) const noexcept {
  return static_cast<std::uint64_t>(kind) << kind_shift | std::uint64_t{node} << node_shift |
         (resets_ & 0xFF) << reset_shift | id;
}

ClusterCore::Ticket ClusterCore::ticket_of(const InterceptedRequest& intercepted) const {
  return intercepted_.contains(intercepted.id) ? make_ticket(TicketKind::intercepted, intercepted.node, intercepted.id)
                                               : 0;
}

void ClusterCore::duplicate(Replica& at, const Origin& origin, const Request& request, const Duplicate& how) {
  for (std::uint32_t copy = 0; copy < how.copies; ++copy) {
    const std::shared_ptr<InterceptedRequest> intercepted = make_intercepted(at, origin, request, nullptr, Pass{});
    const auto delay = interception_random_.between(how.least, how.most);
    if (delay.count() == 0) {
      deliver(intercepted);
    } else {
      call_after(delay, [this, intercepted] { deliver(intercepted); });
    }
  }
}

void ClusterCore::hold_back(RuleId rule, std::shared_ptr<InterceptedRequest> intercepted,
                            std::chrono::nanoseconds at_most) {
  const TimedEvents::Id timeout =
      events_.add(internal::saturating_sum(now(), at_most), [this, rule] { release(rule); });
  held_back_.emplace(rule, std::pair{std::move(intercepted), timeout});
}

void ClusterCore::release(RuleId rule) {
  rules_.released(rule);
  const auto held = held_back_.find(rule);
  if (held == held_back_.end()) return;
  const std::shared_ptr<InterceptedRequest> intercepted = std::move(held->second.first);
  events_.cancel(held->second.second);
  held_back_.erase(held);
  deliver(intercepted);
}

void ClusterCore::release(const std::vector<RuleId>& rules) {
  for (const RuleId rule : rules) release(rule);
}

void ClusterCore::call_after(std::chrono::nanoseconds delay, std::function<void()> call) {
  events_.add(internal::saturating_sum(now(), delay), std::move(call));
}

void ClusterCore::interception_ended(std::uint64_t intercepted) { intercepted_.erase(intercepted); }

/// A request has come to its node.
ClusterCore::Ticket ClusterCore::deliver(Replica& at, const Origin& origin, const Request& request,
                                         const std::shared_ptr<Reply>& reply) {
  if (at.active()) return serve(at, origin, request, reply);
  if (!at.running) {
    reply->broken(Delivery::not_sent);
    return 0;
  }
  at.undelivered.push_back(make_intercepted(at, origin, request, reply, Pass{}));
  return ticket_of(*at.undelivered.back());
}

void ClusterCore::deliver(const std::shared_ptr<InterceptedRequest>& intercepted) {
  Replica& at = replica(intercepted->node);
  if (at.closed) return intercepted->answer(unavailable(), false);
  if (!at.running) return intercepted->broken(Delivery::not_sent);
  if (at.paused) return at.undelivered.push_back(intercepted);
  intercepted->delivered = true;
  intercepted->ticket = serve(at, intercepted->origin, intercepted->request, intercepted);
}

ClusterCore::Ticket ClusterCore::serve(Replica& at, const Origin& origin, const Request& request,
                                       const std::shared_ptr<Reply>& reply) {
  auto asked = read_request(request, at.options, machines_, at.clock.at(now()));
  if (auto* response = std::get_if<Response>(&asked)) {
    reply->answer(std::move(*response), false);
    return 0;
  }
  auto& of_store = std::get<KeysRequest>(asked);
  if (auto* command = std::get_if<Command>(&of_store)) return propose(at, origin, command, {reply, {}, {}});
  if (auto* lookup = std::get_if<Lookup>(&of_store)) return look_up(at, origin, std::move(*lookup), reply);
  return watch(at, std::get<Watch>(std::move(of_store)), reply);
}

ClusterCore::Ticket ClusterCore::look_up(Replica& at, const Origin& origin, Lookup lookup,
                                         const std::shared_ptr<Reply>& reply) {
  if (Replica* from = reader(at)) {
    catch_up(*from);
    reply->answer(listing(*from, lookup, from->clock.at(now())), false);
    return 0;
  }
  return propose(at, origin, nullptr, {reply, std::move(lookup), {}});
}

bool ClusterCore::is_up_to_date(const Replica& at) const noexcept {
  return at.id == leader_ || (at.hears && at.lag_most.count() == 0);
}

Replica* ClusterCore::reader(Replica& asked) {
  if (options_.read_mode == ReadMode::local) return &asked;
  // Its place in the log is taken as soon as it is proposed, and all before it is known here.
  if (can_commit_ && is_up_to_date(asked) && links_.whole(asked.id, leader_)) {
    catch_up(asked);
    asked.raft_index = ++raft_index_;
    return &asked;
  }
  if (options_.read_mode == ReadMode::consensus || asked.leader == 0) return nullptr;
  Replica& leader = replica(asked.leader);
  if (leader.role != Role::leader || !(leader.id == asked.id || connected(leader, asked))) return nullptr;
  const bool leads = leader.id == leader_ && can_commit_;
  return leads || now() < leader.lease_end ? &leader : nullptr;
}

Response ClusterCore::listing(Replica& at, const Lookup& lookup, Instant shown) const {
  const auto found = at.store.get(lookup.key, lookup.recursive, lookup.sorted);
  if (!found) return error_answer(found.error().code, found.error().cause, found.error().index, true);
  return listing_answer(lookup.key, *found, shown, {at.store.index(), at.raft_index, at.term});
}

ClusterCore::Ticket ClusterCore::watch(Replica& at, Watch watch, const std::shared_ptr<Reply>& reply) {
  catch_up(at);
  if (watch.since == 0) watch.since = at.store.index() + 1;
  auto event = at.store.past(watch);
  if (!event) {
    reply->answer(error_answer(event.error().code, event.error().cause, event.error().index, true), false);
    return 0;
  }
  reply->answer(watch_answer({at.store.index(), at.raft_index, at.term}), true);
  for (; *event != nullptr; event = at.store.past(watch)) {
    const bool slow = reply->backlog() >= at.options.watch_backlog;
    if (!slow) reply->chunk(event_text(**event));
    if (slow || !watch.stream) {
      reply->end();
      return 0;
    }
    watch.since = (*event)->index + 1;
  }
  const bool stream = watch.stream;
  std::string key = watch.key;
  const WatcherId watcher = at.store.watch(std::move(watch));
  at.watches.add(watcher, reply, std::move(key), stream, internal::saturating_sum(now(), at.options.watch_timeout));
  return make_ticket(TicketKind::watch, at.id, watcher);
}

void ClusterCore::abandon(Ticket ticket) {
  const Call call(*this);
  abandon_locked(ticket);
}

void ClusterCore::abandon_locked(Ticket ticket) {
  const auto kind = static_cast<TicketKind>(ticket >> kind_shift);
  const auto node = static_cast<NodeId>(ticket >> node_shift & 0x7F);
  const std::uint64_t id = ticket & ((std::uint64_t{1} << reset_shift) - 1);
  if ((ticket >> reset_shift & 0xFF) != (resets_ & 0xFF)) return;
  if (node == 0 || node > replicas_.size()) return;
  Replica& at = replica(node);
  if (kind == TicketKind::watch) {
    if (at.watches.remove(id)) at.store.unwatch(id);
  } else if (kind == TicketKind::waiting) {
    take_waiting(at, id);
  } else if (const auto found = intercepted_.find(id); kind == TicketKind::intercepted && found != intercepted_.end()) {
    const std::shared_ptr<InterceptedRequest> intercepted = found->second;
    intercepted->abandon();
    // What is still on its way comes to the node all the same.
    if (!intercepted->delivered) return;
    abandon_locked(intercepted->ticket);
    intercepted_.erase(id);
  }
}

void ClusterCore::time_out(NodeId node, std::uint64_t proposal) {
  Replica& at = replica(node);
  const auto found = at.waiting.find(proposal);
  if (found == at.waiting.end()) return;
  if (at.paused) {
    found->second.overdue = true;
    return;
  }
  const std::shared_ptr<Reply> reply = std::move(found->second.reply);
  const bool read = found->second.lookup.has_value();
  at.waiting.erase(found);
  // What nobody waits for any more and changes nothing is not kept for a leader to come.
  const auto is_it = [&](const Proposal& each) { return each.id == proposal; };
  std::erase_if(at.leaderless, is_it);
  if (read) std::erase_if(pending_, is_it);
  reply->answer(plain_answer(500, "Internal Server Error\nInternal Server Error\n"), false);
}

void ClusterCore::close_locked(Replica& at) {
  at.closed = true;
  at.store.forget_watchers();
  at.watches.end_all();
  while (!at.waiting.empty()) {
    if (auto waiting = take_waiting(at, at.waiting.begin()->first)) waiting->reply->answer(unavailable(), false);
  }
  at.undelivered.clear();
  std::vector<std::shared_ptr<InterceptedRequest>> hanging;
  for (const auto& [id, intercepted] : intercepted_) {
    if (intercepted->node == at.id) hanging.push_back(intercepted);
  }
  for (const auto& intercepted : hanging) intercepted->broken(Delivery::unknown);
}

}  // namespace deimos::fake
