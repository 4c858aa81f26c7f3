// The one log of the cluster: who leads, what is committed, and how far each node has come in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <deimos/fake/cluster_state.h>
#include <deimos/fake/node_id.h>
#include <deimos/internal/random_stream.h>

#include "cluster/cluster_context.h"
#include "cluster/links.h"
#include "cluster/log.h"
#include "cluster/member.h"
#include "cluster/proposal.h"

namespace deimos::fake {

/// What the log is applied to at each node.
class StateMachine {
 public:
  /// Applies `entry` at `node` as at the true time `when`. `first`: no other node has applied it yet.
  virtual void apply(NodeId node, LogEntry& entry, Instant when, bool first) = 0;
  /// `node` lacks entries that the log no longer has: it restarts from a snapshot of `source`.
  virtual void restore(NodeId node, NodeId source) = 0;
  /// Whether somebody waits for what `node` applies, so that it must not be late.
  [[nodiscard]] virtual bool observed(NodeId node) const = 0;

 protected:
  ~StateMachine() = default;
};

/// There are no messages: this holds the log that Raft would have produced. Whoever changes a link or a member through
/// links() or member() calls reconsider() afterwards. Not thread-safe: guarded by the cluster's mutex.
class Consensus {
 public:
  /// Every node has applied `raft_index` entries of configuration; node 1 leads.
  Consensus(ClusterContext& context, StateMachine& machine, std::uint64_t seed, std::uint64_t raft_index);

  [[nodiscard]] NodeId size() const noexcept { return static_cast<NodeId>(members_.size()); }
  [[nodiscard]] Member& member(NodeId node) noexcept { return members_[node - 1]; }
  [[nodiscard]] const Member& member(NodeId node) const noexcept { return members_[node - 1]; }
  [[nodiscard]] Links& links() noexcept { return links_; }
  /// The leader of the latest term; it may be gone, or cut off.
  [[nodiscard]] NodeId leader() const noexcept { return leader_; }
  [[nodiscard]] bool can_commit() const noexcept { return can_commit_; }
  [[nodiscard]] std::uint64_t term() const noexcept { return term_; }
  [[nodiscard]] std::uint64_t committed() const noexcept { return log_.last(); }
  [[nodiscard]] std::size_t pending() const noexcept { return pending_.size(); }

  /// Takes the proposal to whoever `from` takes for the leader, who may send it on; commits it there if it can.
  void propose(NodeId from, Proposal&& proposal);
  /// Forgets a proposal of `from` that nobody waits for any more, where that changes nothing: a read, and a write that
  /// no leader has taken.
  void withdraw(NodeId from, std::uint64_t proposal, bool read);
  /// Who may answer a read of `asked` at once, with all applied that the read must see; 0: it has to be proposed.
  /// `local`: whatever it has applied will do.
  [[nodiscard]] NodeId reader(NodeId asked, bool local);
  /// Whom `asked` can ask at once for what only a leader knows; 0: nobody. For a while that may be one that leads no
  /// more.
  [[nodiscard]] NodeId leader_for(NodeId asked) const noexcept;
  /// Whether what `node` proposes is committed at once.
  [[nodiscard]] bool can_commit_for(NodeId node) const noexcept;
  /// Applies what `node` knows to be committed, as at the instant of its commit.
  void catch_up(NodeId node);
  void catch_up_all();

  void reconsider();
  /// Starts or stops the process. The log of a stopped node stays.
  void set_running(NodeId node, bool running);
  /// For so long `node` hears of no commit; zero: it hears of each at once again.
  void delay_commits(NodeId node, std::chrono::nanoseconds delay);
  /// Elects `to`, or if 0 some node that does not lead; nothing if it cannot win.
  void change_leader(NodeId to);

 private:
  [[nodiscard]] bool reigns() const noexcept { return member(leader_).role == Role::leader; }
  [[nodiscard]] bool connected(const Member& one, const Member& other) const noexcept;
  [[nodiscard]] bool has_majority(const Member& at) const noexcept;
  [[nodiscard]] bool can_win(const Member& at) const noexcept;
  [[nodiscard]] bool hears_its_leader(const Member& at) const noexcept;
  [[nodiscard]] bool is_up_to_date(const Member& at) const noexcept;
  void find_leader(Member& at);
  void look_for_quorum();
  void lose_quorum(Member& at);
  void resubmit();
  void arm_election(Member& at);
  void stand_for_election(Member& at);
  void elect(Member& winner);
  void keep_pending(const Member& winner);

  void queue(std::vector<Proposal>& proposals, Proposal&& proposal) const;
  void send_pending();
  void commit(Proposal&& proposal);
  void spread();
  void announce(Member& to);
  /// As catch_up(), but as at this instant: of what the node has only just come to know.
  void catch_up_now(Member& at);
  void apply(Member& at, LogEntry& entry, Instant when, bool first);
  void restore_if_cut_off(Member& at);
  void shorten_log();
  void check(const Member& at) const;

  ClusterContext& context_;
  StateMachine& machine_;
  std::vector<Member> members_;
  Links links_;
  NodeId leader_ = 1;
  std::uint64_t term_ = 1;
  bool can_commit_ = true;
  Log log_;
  std::uint64_t raft_index_;
  std::vector<Proposal> pending_;  // At a leader without a majority, the oldest first.
  internal::RandomStream election_random_;
  internal::RandomStream pending_random_;
  internal::RandomStream lag_random_;
};

}  // namespace deimos::fake
