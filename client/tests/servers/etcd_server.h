// A real etcd, of the one on the machine's path, for as long as the object lives.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "servers/server_process.h"

namespace deimos {

struct EtcdSettings {
  std::vector<std::string> more_arguments = {};
  bool tls = false;  ///< With the files in `more_arguments`.
};

/// One member, alone or of a cluster.
class EtcdServer {
 public:
  using Settings = EtcdSettings;

  explicit EtcdServer(Settings settings = {});
  /// Starts it, with what it has on its disk. Begun only: wait_until_ready() follows.
  void start();
  [[nodiscard]] bool wait_until_ready() { return process_->wait_until_ready(); }
  void kill() { process_.reset(); }
  void pause() const { process_->pause(); }
  void resume() const { process_->resume(); }
  /// While it is killed: all is lost that was on its disk.
  void wipe();

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const;
  /// To be started as one of that cluster.
  void join(std::string name, const std::string& cluster);
  [[nodiscard]] std::string peer_url() const;
  /// `etcdctl ARGUMENTS`; what it writes.
  ProgramEnd ctl(std::vector<std::string> arguments) const;
  [[nodiscard]] std::vector<std::string> ctl_command(std::vector<std::string> arguments) const;

 private:
  Settings settings_;
  std::string name_ = "one";
  std::string cluster_;
  int port_;
  int peer_port_;
  ScratchFolder folder_;
  std::unique_ptr<ServerProcess> process_;
};

/// A cluster of so many, all ready.
[[nodiscard]] std::vector<std::unique_ptr<EtcdServer>> start_etcd_cluster(int members);

}  // namespace deimos
