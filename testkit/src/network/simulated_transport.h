// The Transport of one simulated process.
#pragma once

#include <functional>
#include <map>
#include <string>

#include <deimos/testkit/virtual_runtime.h>
#include <deimos/transport.h>

#include "network/flight.h"
#include "network/link.h"

namespace deimos::testkit {

/// The process's links, by the URL of the node.
using Links = std::map<std::string, Link, std::less<>>;

/// Keeps the laws of Transport in virtual time. In a process that was killed nothing is sent any more, and an exchange
/// times out without taking time.
class SimulatedTransport final : public Transport {
 public:
  SimulatedTransport(FlightPool& flights, const std::string& process, Links& links, VirtualRuntime& runtime)
      : flights_(flights), process_(process), links_(links), runtime_(runtime) {}

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override;
  void close() noexcept override;

 private:
  class Pending;
  [[nodiscard]] Exchange send(const std::string& endpoint, const Request& request, TimePoint deadline,
                              const std::stop_token& stop);

  FlightPool& flights_;
  const std::string& process_;
  Links& links_;
  VirtualRuntime& runtime_;
  Pending* open_ = nullptr;  // The exchange that began last, and through it those before.
  bool closed_ = false;
};

}  // namespace deimos::testkit
