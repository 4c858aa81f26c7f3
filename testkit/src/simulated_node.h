// A fake node on virtual time.
#pragma once

#include <string>

#include <deimos/fake/node.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// Wakes the node when its sweeps and watch timeouts are due, and delivers requests to it.
class SimulatedNode final : public Timer {
 public:
  /// `epoch` is the node's time of day at the scheduler's start.
  SimulatedNode(Scheduler& scheduler, std::string url, fake::Node& node, fake::Instant epoch);
  ~SimulatedNode() override;

  fake::Node::Ticket handle(const Request& request, std::shared_ptr<fake::Reply> reply);
  void abandon(fake::Node::Ticket ticket) { node_.abandon(ticket); }

  [[nodiscard]] const std::string& url() const noexcept { return url_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  bool refuses = false;

 private:
  void fire() override;
  void wake_when_due();

  Scheduler& scheduler_;
  const std::string url_;
  const std::string name_;
  fake::Node& node_;
  const fake::Instant epoch_;
  TimePoint due_ = {};
};

}  // namespace deimos::testkit
