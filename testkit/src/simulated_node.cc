#include "simulated_node.h"

#include <utility>

namespace deimos::testkit {

SimulatedNode::SimulatedNode(Scheduler& scheduler, std::string url, fake::Node& node, fake::Instant epoch)
    : scheduler_(scheduler), url_(std::move(url)), name_(url_.substr(url_.rfind('/') + 1)), node_(node), epoch_(epoch) {
  wake_when_due();
}

SimulatedNode::~SimulatedNode() { scheduler_.disarm(*this); }

fake::Node::Ticket SimulatedNode::handle(const Request& request, std::shared_ptr<fake::Reply> reply) {
  const fake::Node::Ticket ticket = node_.handle(request, std::move(reply));
  wake_when_due();
  return ticket;
}

void SimulatedNode::fire() {
  node_.run_due();
  wake_when_due();
}

void SimulatedNode::wake_when_due() {
  const fake::Instant due = node_.next_due();
  if (due == fake::Instant::max()) return scheduler_.disarm(*this);
  const TimePoint at = Scheduler::start + (due - epoch_);
  if (armed() && at == due_) return;
  due_ = at;
  scheduler_.arm(*this, at);
}

}  // namespace deimos::testkit
