#include "cluster/gateway_path.h"

#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "protocol/request_router.h"

namespace deimos::fake {

using namespace versions;

GatewayPath::GatewayPath(ClusterContext& context, Consensus& consensus, Replicas& replicas, std::uint64_t seed)
    : context_(context),
      consensus_(consensus),
      replicas_(replicas),
      versions_(*replicas.versions()),
      users_(context.options.users, context.options.token_ttl, seed),
      lease_ids_(seed, "leases") {}

template <typename Asked>
void GatewayPath::ask_leader_later(NodeId node, const Asked& asked, std::uint64_t waiting) {
  context_.events.add(context_.now() + context_.options.tick, [this, node, asked, waiting] {
    if (!replicas_.is_waiting(node, waiting)) return;
    const NodeId leader = consensus_.member(node).paused ? 0 : consensus_.leader_for(node);
    if (leader == 0) return ask_leader_later(node, asked, waiting);
    replicas_.answer_waiting(node, waiting, versions_.ask(node, leader, asked));
  });
}

template <typename Asked>
GatewayPath::Open GatewayPath::ask_leader(NodeId node, const Asked& asked, const std::shared_ptr<Reply>& reply) {
  if (const NodeId leader = consensus_.leader_for(node); leader != 0) {
    reply->answer(versions_.ask(node, leader, asked), false);
    return {};
  }
  const std::uint64_t waiting = replicas_.wait(node, {reply});
  ask_leader_later(node, asked, waiting);
  return {false, waiting};
}

GatewayPath::Open GatewayPath::serve(NodeId node, const Origin& origin, const Request& request,
                                     const std::shared_ptr<Reply>& reply) {
  auto read = read_gateway_call(request, context_.options.limits, replicas_.answers());
  if (auto* response = std::get_if<Response>(&read)) {
    reply->answer(std::move(*response), false);
    return {};
  }
  if (const auto* page = std::get_if<Page>(&read)) {
    reply->answer(replicas_.page(node, *page), false);
    return {};
  }
  consensus_.catch_up(node);
  auto& asked = std::get<GatewayRequest>(read);
  const std::optional<GatewayRefusal> refusal = users_.refusal(request, asked, context_.now());
  if (const auto* watch = std::get_if<WatchRequest>(&asked)) {
    return {true, versions_.open_stream(node, reply, *watch, refusal ? in_stream(*refusal) : std::string())};
  }
  if (refusal) {
    reply->answer(refusal_answer(*refusal), false);
    return {};
  }
  return serve(node, origin, std::move(asked), reply);
}

GatewayPath::Open GatewayPath::serve(NodeId node, const Origin& origin, GatewayRequest&& asked,
                                     const std::shared_ptr<Reply>& reply) {
  if (const auto* range = std::get_if<RangeRequest>(&asked)) {
    const bool local = range->serializable;
    return read(node, origin, std::move(asked), local, reply);
  }
  if (const auto* txn = std::get_if<TxnRequest>(&asked); txn != nullptr && only_reads(*txn)) {
    const bool local = is_serializable(*txn);
    return read(node, origin, std::move(asked), local, reply);
  }
  if (auto* grant = std::get_if<GrantRequest>(&asked); grant != nullptr && grant->id == 0) {
    grant->id = static_cast<std::int64_t>(lease_ids_.below(INT64_MAX)) + 1;
  }
  return std::visit(
      [&](auto& request) -> Open {
        using Asked = std::decay_t<decltype(request)>;
        if constexpr (std::is_constructible_v<Change, Asked>) {
          return write(node, origin, std::move(request), reply);
        } else if constexpr (std::is_same_v<Asked, KeepAliveRequest> || std::is_same_v<Asked, TimeToLiveRequest>) {
          return ask_leader(node, request, reply);
        } else if constexpr (std::is_same_v<Asked, AuthenticateRequest>) {
          reply->answer(authenticate(node, request), false);
        } else {
          reply->answer(versions_.tell(node, asked), false);
        }
        return {};
      },
      asked);
}

GatewayPath::Open GatewayPath::read(NodeId node, const Origin& origin, GatewayRequest&& asked, bool local,
                                    const std::shared_ptr<Reply>& reply) {
  if (const NodeId from = consensus_.reader(node, local); from != 0) {
    reply->answer(versions_.read(from, asked), false);
    return {};
  }
  Replica::Waiting waiting{reply};
  waiting.gateway_read = std::move(asked);
  return {false, replicas_.propose(node, origin, {}, std::move(waiting))};
}

GatewayPath::Open GatewayPath::write(NodeId node, const Origin& origin, Change change,
                                     const std::shared_ptr<Reply>& reply) {
  Proposal proposal;
  proposal.versions = std::make_shared<const Change>(std::move(change));
  return {false, replicas_.propose(node, origin, std::move(proposal), {reply})};
}

Response GatewayPath::authenticate(NodeId node, const AuthenticateRequest& asked) {
  const auto token = users_.token_for(asked, context_.now());
  if (!token) return refusal_answer(token.error());
  return gateway_success(versions_.answers(node).token_text(*token, versions_[node].store.revision()));
}

}  // namespace deimos::fake
