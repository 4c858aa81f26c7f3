#include "protocol/node_page.h"

#include <chrono>
#include <string>
#include <string_view>

#include <deimos/internal/rfc3339.h>
#include "protocol/answer_writer.h"
#include "protocol/json_string.h"

namespace deimos::fake {
namespace {

using namespace std::chrono;

Response json(std::string text, int status = 200) { return {status, {{"Content-Type", "application/json"}}, text}; }
Response refusal(int status, std::string_view message) {
  return json("{\"message\":\"" + std::string(message) + "\"}", status);
}

/// With the number of the cluster, which an etcd tells whoever asks for its members.
Response of_cluster(Response response, const NodeView& view) {
  response.headers.push_back({"X-Etcd-Cluster-Id", view.members.cluster_id()});
  return response;
}

void append_instant(std::string& out, std::string_view name, Instant instant) {
  internal::append_rfc3339(out.append(",\"").append(name).append("\":\""), instant);
  out += '"';
}

std::string own_statistics(const NodeView& view) {
  const auto id = [&](NodeId node) {
    return node == 0 ? std::string("0") : hexadecimal(member_id(view.members[node]));
  };
  std::string text;
  append_json_string(text += "{\"name\":", view.members[view.node].name);
  text += ",\"id\":\"" + id(view.node) + "\",\"state\":\"" +
          (view.leader == view.node ? "StateLeader" : "StateFollower") + '"';
  append_instant(text, "startTime", view.started);
  const double uptime = duration<double>(view.now - view.leader_since).count();
  text += ",\"leaderInfo\":{\"leader\":\"" + id(view.leader) + "\",\"uptime\":\"" + std::to_string(uptime) + "s\"";
  append_instant(text, "startTime", view.leader_since);
  text += "},\"recvAppendRequestCnt\":" + std::to_string(view.leader == view.node ? 0 : view.appended);
  return text + ",\"sendAppendRequestCnt\":" + std::to_string(view.sent) + "}";
}

/// There are no messages between the nodes of a fake whose time could be taken: each latency is 0.
std::string leader_statistics(const NodeView& view) {
  std::string followers;
  for (const NodeView::Follower& follower : view.followers) {
    followers += (followers.empty() ? "\"" : ",\"") + hexadecimal(member_id(view.members[follower.node])) +
                 "\":{\"latency\":{\"current\":0,\"average\":0,\"standardDeviation\":0,\"minimum\":0,\"maximum\":0},"
                 "\"counts\":{\"fail\":0,\"success\":" +
                 std::to_string(follower.appended) + "}}";
  }
  return "{\"leader\":\"" + hexadecimal(member_id(view.members[view.node])) + "\",\"followers\":{" + followers + "}}";
}

}  // namespace

Response node_page(Page page, const NodeView& view) {
  switch (page) {
    case Page::machines: return plain_answer(200, view.members.machines());
    case Page::version: return json(R"({"etcdserver":"3.4.23","etcdcluster":"3.4.0"})");
    case Page::health:
      return view.can_commit ? plain_answer(200, R"({"health":"true"})")
                             : plain_answer(503, "{\"health\":\"false\"}\n");
    case Page::members: return of_cluster(json("{\"members\":" + view.members.json() + "}\n"), view);
    case Page::leading_member:
      return of_cluster(
          view.leader == 0 ? refusal(503, "During election") : json(view.members.json(view.leader) + "\n"), view);
    case Page::unknown_member: return of_cluster(refusal(404, "Not found"), view);
    case Page::own_statistics: return json(own_statistics(view));
    case Page::leader_statistics:
      return view.leader == view.node ? json(leader_statistics(view)) : refusal(403, "not current leader");
    case Page::store_statistics: return json(view.counts.json(view.watchers));
  }
  return plain_answer(404, "404 page not found\n");
}

}  // namespace deimos::fake
