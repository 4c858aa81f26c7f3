// A real etcd for tests: a process of its own on free ports of the loopback address.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace deimos {

/// Ends with this object, and its data goes with it; it ends with the test program
/// too, in whatever way that ends. Not thread-safe.
class EtcdServer {
 public:
  struct Options {
    bool v2 = true;                           ///< `--enable-v2`.
    std::vector<std::string> arguments = {};  ///< More of them.
  };

  /// Blocks until it serves clients. Throws std::runtime_error, with what etcd said, if it does not.
  explicit EtcdServer(Options options);
  EtcdServer() : EtcdServer(Options{}) {}
  ~EtcdServer();
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string peer_url() const;
  /// `node1`.
  [[nodiscard]] static const char* name() noexcept { return "node1"; }

  /// It stands still (SIGSTOP), with its connections open, until resume().
  void pause() const;
  void resume() const;
  /// SIGKILL; what it had acknowledged is kept for restart().
  void kill();
  /// On the same ports, with the same data. Blocks as the constructor.
  void restart();

 private:
  class Log;

  void start();

  Options options_;
  std::uint16_t port_ = 0;
  std::uint16_t peer_port_ = 0;
  std::filesystem::path folder_;
  pid_t process_ = 0;
  std::unique_ptr<Log> log_;
};

}  // namespace deimos
