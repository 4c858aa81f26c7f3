#include "servers/etcd_server.h"

#include <filesystem>
#include <stdexcept>
#include <utility>

namespace deimos {
namespace {

/// It has written down the version of its cluster, which is a change of its store.
constexpr const char* has_version = "enabled capabilities for version";

std::string program(const std::string& path) {
  if (path.empty() || path.ends_with("NOTFOUND")) {
    throw std::runtime_error("there was no etcd when this build was configured; `./dev test` fetches it");
  }
  return path;
}

}  // namespace

EtcdServer::EtcdServer(Settings settings)
    : settings_(std::move(settings)), port_(free_port()), peer_port_(free_port()) {}

std::string EtcdServer::url() const {
  return (settings_.tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}
std::string EtcdServer::peer_url() const { return "http://127.0.0.1:" + std::to_string(peer_port_); }

void EtcdServer::join(std::string name, const std::string& cluster) {
  name_ = std::move(name);
  cluster_ = cluster;
}

void EtcdServer::start() {
  std::vector<std::string> command = {program(DEIMOS_ETCD),
                                      "--name=" + name_,
                                      "--data-dir=" + (folder_.path() / "data").string(),
                                      "--listen-client-urls=" + url(),
                                      "--advertise-client-urls=" + url(),
                                      "--listen-peer-urls=" + peer_url(),
                                      "--initial-advertise-peer-urls=" + peer_url(),
                                      "--initial-cluster=" + (cluster_.empty() ? name_ + "=" + peer_url() : cluster_),
                                      "--logger=zap"};
  command.insert(command.end(), settings_.more_arguments.begin(), settings_.more_arguments.end());
  process_ = std::make_unique<ServerProcess>(std::move(command),
                                             std::vector<std::string>{"serving client traffic", has_version});
}

void EtcdServer::wipe() { std::filesystem::remove_all(folder_.path() / "data"); }

std::vector<std::string> EtcdServer::ctl_command(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {"env", "ETCDCTL_API=3", program(DEIMOS_ETCDCTL), "--endpoints=" + url()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}
ProgramEnd EtcdServer::ctl(std::vector<std::string> arguments) const {
  return run_program(ctl_command(std::move(arguments)));
}

std::vector<std::unique_ptr<EtcdServer>> start_etcd_cluster(int members) {
  std::vector<std::unique_ptr<EtcdServer>> servers;
  std::string cluster;
  for (int i = 1; i <= members; ++i) {
    servers.push_back(std::make_unique<EtcdServer>());
    cluster += (i == 1 ? "" : ",") + ("m" + std::to_string(i)) + "=" + servers.back()->peer_url();
  }
  for (int i = 1; i <= members; ++i) {
    servers[static_cast<std::size_t>(i) - 1]->join("m" + std::to_string(i), cluster);
    servers[static_cast<std::size_t>(i) - 1]->start();
  }
  for (auto& server : servers) {
    if (!server->wait_until_ready()) throw std::runtime_error("an etcd does not start");
  }
  return servers;
}

}  // namespace deimos
