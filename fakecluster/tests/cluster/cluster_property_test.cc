// A cluster under random faults: one log everywhere, nothing that was acknowledged lost, nothing applied twice, and all
// of it the same from the same seed.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deimos/fake/cluster.h>

#include "protocol/recorded_reply.h"

namespace deimos::fake {
namespace {

using namespace std::chrono_literals;

/// One call, made of numbers that RapidCheck chooses and shrinks towards 0: a plain write at node 1.
struct Step {
  std::uint8_t kind = 0;
  std::uint8_t one = 0;
  std::uint8_t other = 0;
};

class Run {
 public:
  Run(std::uint64_t seed, NodeId nodes)
      : cluster_({.nodes = nodes, .seed = seed, .limits = {.history_capacity = 10'000}}), nodes_(nodes) {
    cluster_.set_observer([this](const AuditRecord& record) { audit(record); });
  }

  void step(const Step& step) {
    const NodeId node = 1 + step.one % nodes_;
    const NodeId second = 1 + step.other % nodes_;
    switch (step.kind % 24) {
      case 0:
      case 1:
      case 2:
      case 3: return write(node, "PUT", step.other, "");
      case 4: return write(node, "PUT", step.other, "&prevExists=false");
      case 5: return write(node, "DELETE", step.other, "");
      case 6:
      case 7: return read(node, step.other);
      case 8:
      case 9: return cluster_.advance(10ms * step.one);
      case 10:
      case 11: return cluster_.advance(100ms * step.one);
      case 12: return cluster_.partition({node});
      case 13: return node == second ? cluster_.heal() : cluster_.partition({node, second});
      case 14: return node == second ? cluster_.heal() : cluster_.cut(node, second);
      case 15: return cluster_.heal();
      case 16: return cluster_.crash(node);
      case 17: return cluster_.restart(node);  // From a snapshot its history would differ.
      case 18: return cluster_.pause(node);
      case 19: return cluster_.resume(node);
      case 20: return cluster_.apply(Lag{node, 0ms, 10ms * step.other});
      case 21: return cluster_.step_clock(node, 100ms * step.other - 12s);
      case 22: return cluster_.change_leader(step.other % 2 == 0 ? 0 : node);
      case 23: return cluster_.expire(key(step.other));
    }
  }

  /// Ends every fault, and says what is wrong then; nothing if nothing is.
  std::string settle() {
    cluster_.recover();
    cluster_.advance(1min);
    if (!problem_.empty()) return problem_;
    for (const Write& write : writes_) {
      if (!write.reply->answered && write.reply->breaks.empty()) return "a write was never answered";
      if (write.reply->answered) check_answer(write);
    }
    check_nodes();
    return problem_;
  }

  /// All that anybody saw.
  [[nodiscard]] std::string transcript() const {
    std::string text = cluster_.describe();
    const auto add = [&](const RecordedReply& reply) {
      text += std::to_string(reply.response.status) + ' ';
      for (const Header& header : reply.response.headers) text += header.name + ": " + header.value + ' ';
      text += reply.response.body;
    };
    for (const Write& write : writes_) add(*write.reply);
    for (const auto& reply : reads_) add(*reply);
    return text;
  }

 private:
  struct Write {
    std::uint64_t id;
    std::string value;
    std::shared_ptr<RecordedReply> reply;
  };

  static std::string key(std::uint8_t number) { return "/k" + std::to_string(number % 5); }

  std::shared_ptr<RecordedReply> send(NodeId node, Request request, std::uint64_t id) {
    auto reply = std::make_shared<RecordedReply>();
    cluster_.handle(node, {"test", id}, request, reply);
    return reply;
  }

  void write(NodeId node, const char* method, std::uint8_t number, const std::string& more) {
    const std::uint64_t id = writes_.size() + 1;
    const std::string value = "v" + std::to_string(id) + ".";
    Request request{method, "/keys" + key(number) + "?value=" + value + more, {}, {}, {}};
    writes_.push_back({id, request.method == "PUT" ? value : std::string(), send(node, request, id)});
    note_acknowledged();
  }

  void read(NodeId node, std::uint8_t number) {
    note_acknowledged();
    const std::uint64_t acknowledged = acknowledged_;
    reads_.push_back(send(node, {"GET", "/keys" + key(number), {}, {}, {}}, 0));
    if (!reads_.back()->answered) return;
    if (index_of(*reads_.back()) < acknowledged) fail("a read misses a write that was acknowledged before it");
  }

  void note_acknowledged() {
    for (const Write& write : writes_) {
      if (write.reply->answered && write.reply->response.status < 300) {
        acknowledged_ = std::max(acknowledged_, index_of(*write.reply));
      }
    }
  }

  static std::uint64_t index_of(const RecordedReply& reply) {
    const std::string* index = find_header(reply.response.headers, "X-Deimos-Index");
    return index == nullptr ? 0 : std::stoull(*index);
  }

  void audit(const AuditRecord& record) {
    if (record.log_index <= last_log_index_ && record.kind != Command::Kind::sweep) fail("the log went back");
    last_log_index_ = record.log_index;
    if (record.request != 0 && !applied_.insert(record.request).second) {
      fail("request " + std::to_string(record.request) + " was applied twice");
    }
    if (!record.event) return;
    if (record.event->index != last_index_ + 1) fail("event index " + std::to_string(record.event->index));
    last_index_ = record.event->index;
    values_[last_index_] = record.event->node.value.value_or("");
  }

  void check_answer(const Write& write) {
    const int status = write.reply->response.status;
    const bool applied = applied_.contains(write.id);
    if (applied != cluster_.applied(write.id).has_value()) fail("applied() disagrees with the audit");
    if (status == 500) return;
    if (!applied) fail("write " + std::to_string(write.id) + " was answered " + std::to_string(status) + " and lost");
    if (status < 300 && values_[index_of(*write.reply)] != write.value) {
      fail("write " + std::to_string(write.id) + " is not at the index that it was told");
    }
  }

  void check_nodes() {
    const ClusterState state = cluster_.state();
    if (state.leader == 0) return fail("nobody leads");
    std::vector<std::string> first;
    for (const NodeState& node : state.nodes) {
      if (node.index != last_index_) return fail("node " + std::to_string(node.id) + " has not caught up");
      if (node.waiting != 0) return fail("somebody still waits at node " + std::to_string(node.id));
      std::vector<std::string> events;
      for (std::uint64_t index = 1 + 2 * nodes_; index <= node.index; ++index) {
        const std::string target = "/keys/?wait=true&recursive=true&waitIndex=" + std::to_string(index);
        events.push_back(cluster_.node(node.id).handle({"GET", target, {}, {}, {}}).body);
      }
      events.push_back(cluster_.node(node.id).handle({"GET", "/keys/?recursive=true", {}, {}, {}}).body);
      if (first.empty()) first = events;
      if (events != first) return fail("node " + std::to_string(node.id) + " tells another history");
    }
  }

  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  Cluster cluster_;
  const NodeId nodes_;
  std::vector<Write> writes_;
  std::vector<std::shared_ptr<RecordedReply>> reads_;
  std::set<std::uint64_t> applied_;
  std::map<std::uint64_t, std::string> values_;
  std::uint64_t last_index_ = 2 * nodes_;
  std::uint64_t last_log_index_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::string problem_;
};

using Numbers = std::vector<std::array<std::uint8_t, 3>>;

rc::Gen<Numbers> programs() {
  return rc::gen::scale(3.0, rc::gen::container<Numbers>(rc::gen::container<std::array<std::uint8_t, 3>>(
                                 rc::gen::inRange<std::uint8_t>(0, 255))));
}

RC_GTEST_PROP(ClusterProperty, OneLogNothingLostNothingTwiceAndAllNodesConverge, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const NodeId nodes = *rc::gen::element<NodeId>(1, 2, 3, 3, 3, 5);
  Run run(seed, nodes);
  for (const auto& [kind, one, other] : *programs()) run.step({kind, one, other});
  const std::string problem = run.settle();
  if (!problem.empty()) RC_FAIL(problem + "\n" + run.transcript());
}

RC_GTEST_PROP(ClusterProperty, TheSameSeedAndCallsGiveTheSameAnswers, ()) {
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const Numbers program = *programs();
  std::string transcripts[2];
  for (std::string& transcript : transcripts) {
    Run run(seed, 3);
    for (const auto& [kind, one, other] : program) run.step({kind, one, other});
    run.settle();
    transcript = run.transcript();
  }
  RC_ASSERT(transcripts[0] == transcripts[1]);
}

}  // namespace
}  // namespace deimos::fake
