#include <deimos/fake/cluster.h>

#include <utility>

#include "cluster/cluster_core.h"

namespace deimos::fake {

Cluster::Cluster(ClusterOptions options) : core_(std::make_shared<ClusterCore>(std::move(options))) {
  for (NodeId id = 1; id <= core_->size(); ++id) nodes_.push_back(std::unique_ptr<Node>(new Node(core_, id)));
}

Cluster::~Cluster() { close(); }

NodeId Cluster::size() const noexcept { return core_->size(); }

Node& Cluster::node(NodeId id) {
  core_->check(id);
  return *nodes_[id - 1];
}

Cluster::Ticket Cluster::handle(NodeId node, const Origin& origin, const Request& request,
                                std::shared_ptr<Reply> reply) {
  core_->check(node);
  return core_->handle(node, origin, request, reply);
}

void Cluster::abandon(Ticket ticket) { core_->abandon(ticket); }

void Cluster::advance(std::chrono::nanoseconds by) { core_->advance(by); }

void Cluster::run_due() { core_->run_due(); }

Instant Cluster::next_due() const { return core_->next_due(); }

void Cluster::on_due_sooner(std::function<void(Instant)> wake) { core_->on_due_sooner(std::move(wake)); }

Instant Cluster::now() const { return core_->now(); }

Instant Cluster::now(NodeId id) const { return core_->now(id); }

void Cluster::apply(const Fault& fault) { core_->apply(fault); }

FaultId Cluster::at(Instant instant, Fault fault) { return core_->at(instant, std::move(fault)); }

FaultId Cluster::after(std::chrono::nanoseconds delay, Fault fault) { return core_->after(delay, std::move(fault)); }

std::vector<FaultId> Cluster::run(const Plan& plan) { return core_->run(plan); }

bool Cluster::cancel(FaultId fault) { return core_->cancel(fault); }

std::vector<PendingFault> Cluster::pending_faults() const { return core_->pending_faults(); }

RuleId Cluster::add_rule(Rule rule) { return core_->add_rule(std::move(rule)); }

bool Cluster::remove_rule(RuleId rule) { return core_->remove_rule(rule); }

std::vector<RuleStatus> Cluster::rules() const { return core_->rules(); }

NodeId Cluster::leader() const { return core_->leader(); }

std::uint64_t Cluster::term() const { return core_->term(); }

ClusterState Cluster::state() const { return core_->state(); }

std::string Cluster::describe() const { return fake::describe(state()); }

void Cluster::set_observer(AuditObserver observer) { core_->set_observer(std::move(observer)); }

void Cluster::on_incident(IncidentObserver observer) { core_->on_incident(std::move(observer)); }

std::optional<Applied> Cluster::applied(std::uint64_t request) const { return core_->applied(request); }

Journal Cluster::journal(const JournalFilter& filter, std::size_t limit) const { return core_->journal(filter, limit); }

JournalVerdict Cluster::verify(const JournalFilter& filter, const Times& times) const {
  return core_->verify(filter, times);
}

void Cluster::clear_journal() { core_->clear_journal(); }

void Cluster::on_journal(JournalObserver observer) { core_->on_journal(std::move(observer)); }

WaitResult Cluster::wait_until(const Condition& condition, const WaitOptions& options, std::stop_token stop) {
  return core_->wait_until(condition, options, stop);
}

Data Cluster::data(bool indexes) const { return core_->data(indexes); }

void Cluster::load(const Data& data) { core_->load(data); }

void Cluster::reset(std::uint64_t seed) { core_->reset(seed); }

void Cluster::reset() { core_->reset(core_->seed()); }

void Cluster::close() { core_->close(0); }

}  // namespace deimos::fake
