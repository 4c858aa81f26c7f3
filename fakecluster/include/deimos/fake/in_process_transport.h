// The Transport that skips the network: an exchange is a call of Node::handle(). Nothing is delayed, lost or reordered
// here; the testkit's network does that.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <deimos/fake/node.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

namespace deimos::fake {

class Cluster;

/// Keeps the laws of Transport. Thread-safe; waits (for the event of a watch) through the runtime it is given, so it
/// works on threads and under virtual time alike. Any answer that is complete at once is given even if the deadline is
/// now. The runtime and the nodes must outlive it, and it must outlive the exchanges that run.
class DEIMOS_EXPORT InProcessTransport final : public Transport {
 public:
  /// The URL that a request names, such as `http://127.0.0.1:4001` (a trailing slash is ignored), and who answers
  /// there.
  using Endpoints = std::map<std::string, std::reference_wrapper<Node>>;

  InProcessTransport(Runtime& runtime, Endpoints endpoints);
  /// One node, at the default of MemberOptions::client_url.
  InProcessTransport(Runtime& runtime, Node& node);
  /// Every node of a cluster, at its client URL. `client` is who asks, for rules and audits.
  InProcessTransport(Runtime& runtime, Cluster& cluster, std::string client = {});
  ~InProcessTransport() override;
  InProcessTransport(const InProcessTransport&) = delete;
  InProcessTransport& operator=(const InProcessTransport&) = delete;

  /// Blocks only for an answer that is not complete at once, and abandons it at the deadline, at `stop` and at close().
  /// An endpoint that is not known refuses the connection.
  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override;
  void close() noexcept override;

 private:
  class OpenExchanges;

  Exchange exchange_whole(const std::string& endpoint, const Request& request, TimePoint deadline,
                          const std::stop_token& stop);

  Runtime& runtime_;
  Endpoints endpoints_;
  Origin origin_;
  std::unique_ptr<OpenExchanges> open_;
};

}  // namespace deimos::fake
