// A real etcd that speaks its v2 API, ready as soon as it is made.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "servers/etcd_server.h"

namespace deimos {

/// Ends with this object, and its data goes with it.
class Etcd2Server {
 public:
  struct Options {
    bool v2 = true;  ///< `--enable-v2`.
  };
  explicit Etcd2Server(Options options) : server_({.more_arguments = {option(options)}}) { start(); }
  Etcd2Server() : Etcd2Server(Options{}) {}

  [[nodiscard]] static const char* name() noexcept { return "one"; }
  [[nodiscard]] std::uint16_t port() const noexcept { return static_cast<std::uint16_t>(server_.port()); }
  [[nodiscard]] std::string url() const { return server_.url(); }
  [[nodiscard]] std::string peer_url() const { return server_.peer_url(); }

  /// It stands still (SIGSTOP), with its connections open, until resume().
  void pause() const { server_.pause(); }
  void resume() const { server_.resume(); }
  /// SIGKILL, and on the same ports again, with what it had acknowledged.
  void restart() {
    server_.kill();
    start();
  }

 private:
  static std::string option(Options options) { return options.v2 ? "--enable-v2=true" : "--enable-v2=false"; }
  void start() {
    server_.start();
    if (!server_.wait_until_ready()) throw std::runtime_error("an etcd does not start");
  }

  EtcdServer server_;
};

}  // namespace deimos
