// A real Redis server or sentinel, started by a test on a free loopback port and ended with it.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace deimos {

/// Keeps nothing on disk but in a folder of its own, which goes with it. Used by one thread at a time.
class RedisServer {
 public:
  enum class Mode { server, sentinel };

  /// Starts it, and waits until it answers. `arguments`: as `{"--requirepass", "secret"}`; a sentinel's are lines of
  /// its configuration. Throws std::runtime_error if there is no redis-server on this machine, or it does not start.
  explicit RedisServer(std::vector<std::string> arguments = {}, Mode mode = Mode::server);
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  /// A port that was free a moment ago.
  [[nodiscard]] static int free_port();
  [[nodiscard]] int port() const noexcept { return port_; }
  /// `127.0.0.1:PORT`.
  [[nodiscard]] std::string address() const;

  /// What it writes is in there.
  [[nodiscard]] const std::filesystem::path& folder() const noexcept { return folder_; }

  /// Ends it at once (SIGKILL).
  void kill();
  /// Starts it again, on the same port, empty.
  void start();
  /// Stops it amid whatever it does (SIGSTOP), until go_on().
  void pause() const;
  void go_on() const;

  /// Sends one command on a connection of its own and returns the answer as text (of an array: a line an item; of nil:
  /// "(nil)"; of an error: it begins with '-').
  std::string command(const std::vector<std::string>& words) const;
  /// Asks until the answer is as wanted, or twenty seconds have passed: the last answer.
  std::string await(const std::vector<std::string>& words,
                    const std::function<bool(const std::string&)>& is_wanted) const;
  /// Until so many connections listen on channels; false after twenty seconds.
  [[nodiscard]] bool await_listeners(int count) const;

 private:
  const std::vector<std::string> arguments_;
  const Mode mode_;
  int port_ = 0;
  int process_ = -1;
  std::filesystem::path folder_;
};

}  // namespace deimos
