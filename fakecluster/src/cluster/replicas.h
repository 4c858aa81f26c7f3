// The nodes' stores: committed entries go into them, and out come the answers, the events and the audit.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/fake/audit.h>
#include <deimos/fake/node_id.h>
#include <deimos/fake/node_options.h>
#include <deimos/fake/rule.h>
#include <deimos/transport.h>

#include "cluster/cluster_context.h"
#include "cluster/consensus.h"
#include "cluster/replica.h"
#include "cluster/version_replicas.h"
#include "protocol/answer_writer.h"
#include "protocol/member_list.h"
#include "protocol/page.h"

namespace deimos::fake {

/// Not thread-safe: guarded by the cluster's mutex.
class Replicas final : public StateMachine {
 public:
  /// New nodes, each of which has published its name. Throws std::invalid_argument if two have the same name or URL.
  Replicas(ClusterContext& context, Consensus& consensus);

  [[nodiscard]] Replica& operator[](NodeId node) noexcept { return *replicas_[node - 1]; }
  [[nodiscard]] const MemberList& members() const noexcept { return members_; }
  [[nodiscard]] const AnswerWriter& answers() const noexcept { return answers_; }
  /// What `node` tells of itself.
  [[nodiscard]] Response page(NodeId node, Page page);
  /// The entries with which the log begins: changes, and the configuration.
  [[nodiscard]] static std::uint64_t first_raft_index(const ClusterOptions& options) noexcept {
    return keys_dialect(options.dialect).log_entries.of(options.nodes);
  }

  /// Null in dialects of the keys API.
  [[nodiscard]] VersionReplicas* versions() noexcept { return versions_ ? &*versions_ : nullptr; }
  [[nodiscard]] const VersionReplicas* versions() const noexcept { return versions_ ? &*versions_ : nullptr; }

  /// `proposal`: what it is to change, if anything; else `waiting` says what to read. Returns the proposal that waits
  /// for its commit; 0 if it was answered.
  std::uint64_t propose(NodeId node, const Origin& origin, Proposal proposal, Replica::Waiting waiting);
  /// Nothing is proposed: the request waits for answer_waiting(), or for its time-out.
  std::uint64_t wait(NodeId node, Replica::Waiting waiting);
  [[nodiscard]] bool is_waiting(NodeId node, std::uint64_t proposal) {
    return (*this)[node].waiting.contains(proposal);
  }
  void answer_waiting(NodeId node, std::uint64_t proposal, Response response);
  /// What `node` has in its store now.
  [[nodiscard]] Response listing(NodeId node, const Lookup& lookup);
  /// Returns the watcher; 0 if the answer is complete.
  WatcherId watch(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply);
  /// The client went away.
  void unwatch(NodeId node, WatcherId watcher);
  void abandon(NodeId node, std::uint64_t proposal);
  /// Answers 500.
  void time_out(NodeId node, std::uint64_t proposal);
  /// Times out what fell due while the node was paused.
  void resume(NodeId node);
  /// Breaks whatever waits there.
  void crash(NodeId node);
  /// Ends every watch, and gives `response` to every request that waits.
  void close(NodeId node, const Response& response);

  /// When the next key expires, or the next lease ends, by the clock of `leader`, which leads.
  [[nodiscard]] Instant next_expiration(NodeId leader);
  /// What has to be proposed for those that have by `until`.
  [[nodiscard]] std::vector<Proposal> expirations(NodeId leader, Instant until);
  [[nodiscard]] NodeStatistics statistics(NodeId node) const;

  /// When the first watch times out or has its progress to tell, and where; paused nodes aside.
  [[nodiscard]] std::pair<Instant, NodeId> next_watch_end() const;
  void end_watch(NodeId node);
  [[nodiscard]] std::optional<Applied> applied(std::uint64_t request) const;

  // StateMachine.
  void apply(NodeId node, LogEntry& entry, Instant when, bool first) override;
  void restore(NodeId node, NodeId source) override;
  [[nodiscard]] bool observed(NodeId node) const override;

 private:
  using Outcome = tl::expected<const Event*, StoreError>;

  [[nodiscard]] AnswerIndices indices(NodeId node);
  Outcome apply_audited(NodeId node, const LogEntry& entry, Instant shown);
  void make_members();
  Outcome apply_to_store(NodeId node, LogEntry& entry, Instant shown, bool first);
  void apply_versions(NodeId node, const LogEntry& entry, bool first);
  void audit(NodeId node, const LogEntry& entry, const Outcome& outcome, std::vector<Event> events);
  /// If the proposal was made at this node and its request still waits here.
  void answer(NodeId node, const Proposal& proposal, const Outcome& outcome);
  WatcherId open_watch(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply);
  /// Stays open, and is told nothing.
  WatcherId open_in_vain(NodeId node, Watch watch, const std::shared_ptr<Reply>& reply);
  std::uint64_t file(NodeId node, std::uint64_t proposal, Replica::Waiting waiting);
  std::optional<Replica::Waiting> take_waiting(NodeId node, std::uint64_t proposal);

  ClusterContext& context_;
  Consensus& consensus_;
  const Instant started_;
  const MemberList members_;
  const AnswerWriter answers_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::optional<VersionReplicas> versions_;
  std::uint64_t last_proposal_ = 0;
  // The proposal that is being made right now, so that one that is answered at once is filed nowhere.
  std::uint64_t proposing_ = 0;
  Replica::Waiting* proposer_ = nullptr;
  std::map<std::uint64_t, Applied> applied_;
};

}  // namespace deimos::fake
