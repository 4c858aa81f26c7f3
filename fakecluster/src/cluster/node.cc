#include <deimos/fake/node.h>

#include <utility>

#include "cluster/cluster_core.h"

namespace deimos::fake {
namespace {

/// A cluster of one.
ClusterOptions cluster_options(NodeOptions options) {
  ClusterOptions cluster;
  cluster.nodes = 1;
  cluster.dialect = options.dialect;
  cluster.members.push_back(std::move(options.member));
  cluster.clock = options.clock;
  cluster.sweep_interval = options.sweep_interval;
  cluster.limits = options.limits;
  return cluster;
}

/// Collects an answer for whoever will not wait.
class Collector final : public Reply {
 public:
  void answer(Response response, bool /*open*/) override { response_ = std::move(response); }
  void chunk(std::string_view text) override { response_.body += text; }
  void end() override {}
  void broken(Delivery /*delivery*/) override { response_ = {}; }
  Response take() { return std::move(response_); }

 private:
  Response response_;
};

}  // namespace

Node::Node(NodeOptions options) : core_(std::make_shared<ClusterCore>(cluster_options(std::move(options)))) {}

Node::Node(std::shared_ptr<ClusterCore> core, NodeId id) : core_(std::move(core)), id_(id) {}

Node::~Node() { close(); }

Node::Ticket Node::handle(const Request& request, std::shared_ptr<Reply> reply, const Origin& origin) {
  return core_->handle(id_, origin, request, reply);
}

Node::Ticket Node::handle(const Request& request, std::shared_ptr<Reply> reply) {
  return handle(request, std::move(reply), Origin{});
}

Response Node::handle(const Request& request) {
  const auto collector = std::make_shared<Collector>();
  if (const Ticket ticket = handle(request, collector); ticket != 0) abandon(ticket);
  return collector->take();
}

void Node::abandon(Ticket ticket) { core_->abandon(ticket); }

void Node::advance(std::chrono::nanoseconds by) { core_->advance(by); }

void Node::run_due() { core_->run_due(); }

Instant Node::next_due() const { return core_->next_due(); }

Instant Node::now() const { return core_->now(); }

void Node::on_reachable(std::function<void(bool)> call) { core_->on_running(id_, std::move(call)); }

void Node::close() { core_->close(id_); }

NodeStatistics Node::statistics() const { return core_->statistics(id_); }

}  // namespace deimos::fake
