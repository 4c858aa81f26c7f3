#include "cluster/cluster_data.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "protocol/member_record.h"

namespace deimos::fake {
namespace {

NodeOptions node_options(const ClusterOptions& cluster, NodeId id) {
  MemberOptions member = id <= cluster.members.size() ? cluster.members[id - 1] : MemberOptions{};
  const auto url = [&](NodeId base) { return "http://127.0.0.1:" + std::to_string(base + id); };
  if (member.name.empty()) member.name = "node" + std::to_string(id);
  if (member.client_url.empty()) member.client_url = url(4000);
  if (member.peer_url.empty()) member.peer_url = url(7000);
  NodeOptions options;
  options.name = std::move(member.name);
  options.client_url = std::move(member.client_url);
  options.peer_url = std::move(member.peer_url);
  options.watch_timeout = cluster.watch_timeout;
  options.history_capacity = cluster.history_capacity;
  options.watch_backlog = cluster.watch_backlog;
  options.target_limit = cluster.target_limit;
  options.key_limit = cluster.key_limit;
  options.form_limit = cluster.form_limit;
  return options;
}

/// Names and URLs tell members apart.
void check_distinct(const std::vector<std::unique_ptr<Replica>>& replicas) {
  for (std::size_t one = 0; one < replicas.size(); ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      const NodeOptions& a = replicas[one]->options;
      const NodeOptions& b = replicas[other]->options;
      if (a.name != b.name && a.client_url != b.client_url && a.peer_url != b.peer_url) continue;
      throw std::invalid_argument("nodes " + std::to_string(other + 1) + " and " + std::to_string(one + 1) +
                                  " have the same name or URL");
    }
  }
}

std::string machines_text(const std::vector<std::unique_ptr<Replica>>& replicas) {
  std::vector<std::string> urls;
  for (const auto& replica : replicas) urls.push_back(replica->options.client_url);
  std::sort(urls.begin(), urls.end());
  std::string text;
  for (const std::string& url : urls) text.append(text.empty() ? "" : ", ").append(url);
  return text;
}

}  // namespace

ClusterData::ClusterData(const ClusterOptions& options, std::uint64_t seed, Instant start)
    : start_(start),
      last_sweep_(start),
      links_(options.nodes),
      rules_(seed),
      election_random_(seed, "election"),
      pending_random_(seed, "pending"),
      lag_random_(seed, "lag"),
      sweep_random_(seed, "sweep"),
      interception_random_(seed, "interception") {
  for (NodeId id = 1; id <= options.nodes; ++id) {
    replicas_.push_back(std::make_unique<Replica>(id, node_options(options, id)));
    replicas_.back()->lag_least = options.lag_least;
    replicas_.back()->lag_most = options.lag_most;
  }
  check_distinct(replicas_);
  machines_ = machines_text(replicas_);

  // Each member is created, then each publishes its name. A real log holds a change of configuration for each before.
  std::vector<std::array<Command, 2>> records;
  for (const auto& member : replicas_) records.push_back(member_record(member->options));
  raft_index_ = std::uint64_t{3} * options.nodes;
  for (const auto& at : replicas_) {
    for (const auto& record : records) at->store.apply(record[0], start_, at->watches);
    for (const auto& record : records) at->store.apply(record[1], start_, at->watches);
    at->raft_index = raft_index_;
    at->leader = leader_;
    at->hears = true;
  }
  Replica& first = *replicas_.front();
  first.role = Role::leader;
  first.had_quorum = true;
}

}  // namespace deimos::fake
