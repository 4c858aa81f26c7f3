#include "simulation/cluster_driver.h"

namespace deimos::testkit {

ClusterDriver::ClusterDriver(Scheduler& scheduler, fake::Cluster& cluster) : scheduler_(scheduler), cluster_(cluster) {
  cluster_.on_due_sooner([this](fake::Instant due) { wake_at(due); });
  wake_at(cluster_.next_due());
}

ClusterDriver::~ClusterDriver() {
  cluster_.on_due_sooner(nullptr);
  scheduler_.disarm(*this);
}

void ClusterDriver::fire() {
  cluster_.run_due();
  wake_at(cluster_.next_due());
}

void ClusterDriver::wake_at(fake::Instant due) { scheduler_.arm(*this, TrueClock::when(due)); }

}  // namespace deimos::testkit
