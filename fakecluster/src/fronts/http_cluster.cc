#include <deimos/fake/http_cluster.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>

namespace deimos::fake {
namespace {

std::vector<HttpListener> listen(NodeId nodes, const HttpServerOptions& http) {
  if (nodes > most_nodes)
    throw std::invalid_argument(internal::broken_rule("nodes must be from 1 to " + std::to_string(most_nodes), nodes));
  if (http.port != 0 && nodes > NodeId{1} + std::numeric_limits<std::uint16_t>::max() - http.port) {
    throw std::invalid_argument("there are no " + std::to_string(nodes) + " ports from " + std::to_string(http.port));
  }
  std::vector<HttpListener> listeners;
  for (NodeId node = 0; node < nodes; ++node) {
    listeners.emplace_back(http.host, static_cast<std::uint16_t>(http.port == 0 ? 0 : http.port + node));
  }
  return listeners;
}

}  // namespace

HttpCluster::HttpCluster(ClusterOptions options, HttpServerOptions http) {
  std::vector<HttpListener> listeners = listen(options.nodes, http);
  for (const HttpListener& listener : listeners) urls_.push_back(listener.url());
  if (options.members.size() < options.nodes) options.members.resize(options.nodes);
  for (std::size_t node = 0; node < urls_.size(); ++node) {
    if (options.members[node].client_url.empty()) options.members[node].client_url = urls_[node];
  }
  const bool runs = options.clock != nullptr;
  cluster_.emplace(std::move(options));
  if (runs) driver_.emplace(*cluster_);
  NodeId node = 0;
  for (HttpListener& listener : listeners) {
    servers_.push_back(std::make_unique<HttpServer>(cluster_->node(++node), std::move(listener), http));
  }
}

}  // namespace deimos::fake
