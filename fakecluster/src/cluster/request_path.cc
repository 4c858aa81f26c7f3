#include "cluster/request_path.h"

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <deimos/internal/saturating_time.h>
#include "journal/journaled_reply.h"
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

Response made_up(const Answer& answer, const AnswerWriter& answers) {
  Response response{answer.status, {{"Content-Type", answer.content_type}}, answer.body};
  if (answer.error_code != 0) response = answers.store_error(static_cast<errc>(answer.error_code), answer.body, 0);
  for (const auto& [name, value] : answer.headers) {
    std::erase_if(response.headers,
                  [&same = name](const Header& header) { return find_header({header}, same) != nullptr; });
    response.headers.push_back({name, value});
  }
  return response;
}

void note(const RuleChain::Decision& decision, JournalEntry& entry) {
  const RuleAction& action = decision.action;
  if (std::holds_alternative<Pass>(action)) return;
  entry.rule = decision.rule;
  entry.rule_name = decision.name;
  entry.action = name_of(action);
  entry.lost = std::holds_alternative<DropRequest>(action) || std::holds_alternative<DropAnswer>(action);
}

Origin named(const Origin& origin, const Request& request) {
  Origin named = origin;
  if (named.client.empty()) {
    if (const std::string* name = find_header(request.headers, client_header)) named.client = *name;
  }
  return named;
}

}  // namespace

RequestPath::RequestPath(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed,
                         std::uint64_t resets)
    : context_(context),
      consensus_(consensus),
      replicas_(replicas),
      resets_(resets & 0xFF),
      doors_(consensus.size()),
      dialect_(keys_dialect(context.options.dialect)),
      rules_(seed),
      random_(seed, "interception") {
  if (replicas.versions() != nullptr) gateway_.emplace(context, consensus, replicas, seed);
}

RequestPath::Ticket RequestPath::handle(NodeId node, const Origin& origin, const Request& request,
                                        const std::shared_ptr<Reply>& reply) {
  ++replicas_[node].requests;
  if (context_.journal.listens()) return journal(node, named(origin, request), request, reply);
  if (door(node).closed) {
    reply->answer(unavailable(), false);
    return 0;
  }
  if (!rules_.empty()) {
    const Origin whole = named(origin, request);
    return treat({whole.client, node, request, dialect_}, whole, reply, nullptr);
  }
  if (!context_.observer) return deliver(node, origin, request, reply);
  return deliver(node, named(origin, request), request, reply);
}

/// As above, with a note of it.
RequestPath::Ticket RequestPath::journal(NodeId node, const Origin& origin, const Request& request,
                                         const std::shared_ptr<Reply>& reply) {
  const SeenRequest seen(origin.client, node, request, dialect_);
  const std::shared_ptr<JournalEntry> entry = context_.journal.begin(seen, context_.now(), reply->connection());
  const auto journaled = std::make_shared<JournaledReply>(context_.journal, context_.clock, entry, reply);
  if (!door(node).closed) return treat(seen, origin, journaled, entry.get());
  journaled->answer(unavailable(), false);
  return 0;
}

/// Lets the first rule that acts decide. `entry`: where that is noted, if anywhere.
RequestPath::Ticket RequestPath::treat(const SeenRequest& seen, const Origin& origin,
                                       const std::shared_ptr<Reply>& reply, JournalEntry* entry) {
  const Request& request = seen.request;
  const NodeId node = seen.node;
  const auto decision = rules_.decide(seen);
  if (decision && entry != nullptr) note(*decision, *entry);
  if (!decision || (std::holds_alternative<Pass>(decision->action) && !decision->releases)) {
    return deliver(node, origin, request, reply);
  }
  if (!std::holds_alternative<Pass>(decision->action)) {
    context_.tell(Incident::Kind::rule, node, [&] {
      return std::string(name_of(decision->action)) + " of " + request.method + " " + request.target + " by " +
             (origin.client.empty() ? "somebody" : origin.client);
    });
  }
  if (decision->releases) {
    const Ticket ticket = deliver(node, origin, request, reply);
    release(decision->rule);
    return ticket;
  }
  if (const auto* answer = std::get_if<Answer>(&decision->action)) {
    reply->answer(made_up(*answer, replicas_.answers()), false);
    return 0;
  }
  if (std::holds_alternative<RefuseConnection>(decision->action)) {
    reply->broken(Delivery::not_sent);
    return 0;
  }
  if (const auto* how = std::get_if<Duplicate>(&decision->action)) {
    const Ticket ticket = deliver(node, origin, request, reply);
    duplicate(node, origin, request, *how);
    return ticket;
  }
  const Intercepted intercepted = intercept(node, origin, request, reply, decision->action);
  if (const auto* reorder = std::get_if<Reorder>(&decision->action)) {
    hold_back(decision->rule, intercepted, reorder->at_most);
  } else if (const auto* delay = std::get_if<Delay>(&decision->action); delay != nullptr && !delay->answer) {
    call_after(random_.between(delay->least, delay->most), [this, intercepted] { deliver(intercepted); });
  } else if (!std::holds_alternative<DropRequest>(decision->action)) {
    deliver(intercepted);
  }
  return ticket_of(*intercepted);
}

RequestPath::Intercepted RequestPath::intercept(NodeId node, const Origin& origin, const Request& request,
                                                const std::shared_ptr<Reply>& client, RuleAction action) {
  const std::uint64_t id = ++last_intercepted_;
  auto intercepted = std::make_shared<InterceptedRequest>(*this, id, node, origin, request, client, std::move(action));
  intercepted_.emplace(id, intercepted);
  return intercepted;
}

RequestPath::Ticket RequestPath::make_ticket(TicketKind kind, NodeId node, std::uint64_t id) const noexcept {
  if (id == 0) return 0;
  return static_cast<std::uint64_t>(kind) << kind_shift | std::uint64_t{node} << node_shift | resets_ << reset_shift |
         id;
}

RequestPath::Ticket RequestPath::ticket_of(const InterceptedRequest& intercepted) const {
  return intercepted_.contains(intercepted.id) ? make_ticket(TicketKind::intercepted, intercepted.node, intercepted.id)
                                               : 0;
}

void RequestPath::duplicate(NodeId node, const Origin& origin, const Request& request, const Duplicate& how) {
  for (std::uint32_t copy = 0; copy < how.copies; ++copy) {
    const Intercepted intercepted = intercept(node, origin, request, nullptr, Pass{});
    const auto delay = random_.between(how.least, how.most);
    if (delay.count() == 0) {
      deliver(intercepted);
    } else {
      call_after(delay, [this, intercepted] { deliver(intercepted); });
    }
  }
}

void RequestPath::hold_back(RuleId rule, Intercepted intercepted, std::chrono::nanoseconds at_most) {
  const TimedEvents::Id timeout =
      context_.events.add(internal::saturating_sum(context_.now(), at_most), [this, rule] { release(rule); });
  held_back_.emplace(rule, std::pair{std::move(intercepted), timeout});
}

void RequestPath::release(RuleId rule) {
  rules_.released(rule);
  const auto held = held_back_.find(rule);
  if (held == held_back_.end()) return;
  const Intercepted intercepted = std::move(held->second.first);
  context_.events.cancel(held->second.second);
  held_back_.erase(held);
  deliver(intercepted);
}

void RequestPath::release(const std::vector<RuleId>& rules) {
  for (const RuleId rule : rules) release(rule);
}

void RequestPath::call_after(std::chrono::nanoseconds delay, std::function<void()> call) {
  context_.events.add(internal::saturating_sum(context_.now(), delay), std::move(call));
}

/// A request has come to its node.
RequestPath::Ticket RequestPath::deliver(NodeId node, const Origin& origin, const Request& request,
                                         const std::shared_ptr<Reply>& reply) {
  const Member& at = consensus_.member(node);
  if (at.active()) return serve(node, origin, request, reply);
  if (!at.running) {
    reply->broken(Delivery::not_sent);
    return 0;
  }
  door(node).undelivered.push_back(intercept(node, origin, request, reply, Pass{}));
  return ticket_of(*door(node).undelivered.back());
}

void RequestPath::deliver(const Intercepted& intercepted) {
  const NodeId node = intercepted->node;
  const Member& at = consensus_.member(node);
  if (door(node).closed) return intercepted->answer(unavailable(), false);
  if (!at.running) return intercepted->broken(Delivery::not_sent);
  if (at.paused) return door(node).undelivered.push_back(intercepted);
  intercepted->delivered = true;
  intercepted->ticket = serve(node, intercepted->origin, intercepted->request, intercepted);
}

RequestPath::Ticket RequestPath::serve(NodeId node, const Origin& origin, const Request& request,
                                       const std::shared_ptr<Reply>& reply) {
  if (gateway_) return serve_gateway(node, origin, request, reply);
  auto asked = read_request(request, context_.options.limits, replicas_.answers(),
                            consensus_.member(node).clock.at(context_.now()));
  if (auto* response = std::get_if<Response>(&asked)) {
    reply->answer(std::move(*response), false);
    return 0;
  }
  if (const auto* page = std::get_if<Page>(&asked)) {
    Response response = replicas_.page(node, *page);
    if (request.method == "HEAD") response.body.clear();
    reply->answer(std::move(response), false);
    return 0;
  }
  auto& of_store = std::get<KeysRequest>(asked);
  if (auto* watch = std::get_if<Watch>(&of_store)) {
    return make_ticket(TicketKind::watch, node, replicas_.watch(node, std::move(*watch), reply));
  }
  auto* write = std::get_if<Write>(&of_store);
  Replica::Waiting waiting{reply};
  if (write == nullptr) {
    const auto& lookup = std::get<Lookup>(of_store);
    if (const NodeId from = consensus_.reader(node, lookup.local); from != 0) {
      reply->answer(replicas_.listing(from, lookup), false);
      return 0;
    }
    waiting.lookup = lookup;
  } else {
    waiting.brief = write->brief;
  }
  Proposal proposal;
  if (write != nullptr) proposal.command.emplace(std::move(write->command));
  return make_ticket(TicketKind::waiting, node,
                     replicas_.propose(node, origin, std::move(proposal), std::move(waiting)));
}

RequestPath::Ticket RequestPath::serve_gateway(NodeId node, const Origin& origin, const Request& request,
                                               const std::shared_ptr<Reply>& reply) {
  const GatewayPath::Open open = gateway_->serve(node, origin, request, reply);
  return make_ticket(open.is_stream ? TicketKind::watch : TicketKind::waiting, node, open.id);
}

void RequestPath::abandon(Ticket ticket) {
  const auto kind = static_cast<TicketKind>(ticket >> kind_shift);
  const auto node = static_cast<NodeId>(ticket >> node_shift & 0x7F);
  const std::uint64_t id = ticket & ((std::uint64_t{1} << reset_shift) - 1);
  if ((ticket >> reset_shift & 0xFF) != resets_) return;
  if (node == 0 || node > consensus_.size()) return;
  if (kind == TicketKind::watch) {
    replicas_.unwatch(node, id);
  } else if (kind == TicketKind::waiting) {
    replicas_.abandon(node, id);
  } else if (const auto found = intercepted_.find(id); kind == TicketKind::intercepted && found != intercepted_.end()) {
    const Intercepted intercepted = found->second;
    intercepted->abandon();
    // What is still on its way comes to the node all the same.
    if (!intercepted->delivered) return;
    abandon(intercepted->ticket);
    intercepted_.erase(id);
  }
}

std::size_t RequestPath::undelivered(NodeId node) const { return doors_[node - 1].undelivered.size(); }

void RequestPath::resume(NodeId node) {
  replicas_.resume(node);
  for (const Intercepted& intercepted : std::exchange(door(node).undelivered, {})) deliver(intercepted);
}

void RequestPath::crash(NodeId node) {
  replicas_.crash(node);
  for (const Intercepted& intercepted : std::exchange(door(node).undelivered, {})) {
    intercepted->broken(Delivery::not_sent);
  }
}

void RequestPath::close(NodeId node) {
  door(node).closed = true;
  replicas_.close(node, unavailable());
  door(node).undelivered.clear();
  std::vector<Intercepted> hanging;
  for (const auto& [id, intercepted] : intercepted_) {
    if (intercepted->node == node) hanging.push_back(intercepted);
  }
  for (const Intercepted& intercepted : hanging) intercepted->broken(Delivery::unknown);
}

}  // namespace deimos::fake
