// A fake cluster on the network: each node at an address of its own.
//
//   const deimos::fake::SystemClock clock;
//   deimos::fake::HttpCluster served({.nodes = 3, .clock = &clock});
//   run_my_service(served.urls());
//   served.cluster().isolate(1);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <deimos/fake/clock_driver.h>
#include <deimos/fake/cluster.h>
#include <deimos/fake/http_server.h>
#include <deimos/internal/export.h>

namespace deimos::fake {

/// Clients can connect from its construction to its destruction. Members may be called from any thread.
class DEIMOS_EXPORT HttpCluster {
 public:
  /// Node 1 listens at the host and port of `http`, node 2 at the next port, …; all at ports that are free if that port
  /// is 0. Members that were given no client_url have the one at which they listen. With a clock it runs by it; without
  /// one, time stands still but for Cluster::advance(). Throws as HttpListener and Cluster do, and
  /// std::invalid_argument if there are not so many ports.
  explicit HttpCluster(ClusterOptions options = {}, HttpServerOptions http = {});

  [[nodiscard]] Cluster& cluster() noexcept { return *cluster_; }
  /// `http://HOST:PORT`, node 1 first.
  [[nodiscard]] const std::vector<std::string>& urls() const noexcept { return urls_; }

 private:
  std::vector<std::string> urls_;
  std::optional<Cluster> cluster_;
  std::optional<ClockDriver> driver_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
};

}  // namespace deimos::fake
