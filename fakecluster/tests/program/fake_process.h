// deimos-fake as a process, for tests: its streams, its ports and its exit status.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "http/raw_client.h"

extern char** environ;

namespace deimos::fake {

/// The program with its three standard streams in our hands. Killed at the end, if it still runs.
class FakeProcess {
 public:
  explicit FakeProcess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), DEIMOS_FAKE);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::array<std::array<int, 2>, 3> pipes{};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    for (std::size_t stream = 0; stream < pipes.size(); ++stream) {
      if (::pipe2(pipes[stream].data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
      const int theirs = pipes[stream][stream == 0 ? 0 : 1];
      posix_spawn_file_actions_adddup2(&actions, theirs, static_cast<int>(stream));
    }
    const int error = ::posix_spawn(&process_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    for (std::size_t stream = 0; stream < pipes.size(); ++stream) {
      ::close(pipes[stream][stream == 0 ? 0 : 1]);
      streams_[stream] = pipes[stream][stream == 0 ? 1 : 0];
    }
    if (error != 0) throw std::runtime_error("cannot start " + arguments[0]);
  }
  ~FakeProcess() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      wait();
    }
    for (const int stream : streams_) ::close(stream);
  }
  FakeProcess(const FakeProcess&) = delete;
  FakeProcess& operator=(const FakeProcess&) = delete;

  /// The next line of its standard output; empty at the end of it.
  std::string output_line() { return line_of(streams_[1]); }
  std::string error_line() { return line_of(streams_[2]); }
  void write_line(const std::string& line) {
    const std::string text = line + "\n";
    if (::write(streams_[0], text.data(), text.size()) < 0) throw std::runtime_error("cannot write");
  }
  void end_input() {
    ::close(streams_[0]);
    streams_[0] = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  }
  void close_errors() {
    ::close(streams_[2]);
    streams_[2] = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  void signal(int number) const { ::kill(process_, number); }
  /// Its exit status, once it has ended; -1 if a signal ended it.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  static std::string line_of(int stream) {
    std::string line;
    for (;;) {
      pollfd readable{stream, POLLIN, 0};
      if (::poll(&readable, 1, 20'000) <= 0) throw std::runtime_error("no line came");
      char byte = 0;
      if (::read(stream, &byte, 1) != 1 || byte == '\n') return line;
      line += byte;
    }
  }

  pid_t process_ = 0;
  std::array<int, 3> streams_{};
};

inline std::uint16_t port_of(const std::string& url) {
  EXPECT_THAT(url, testing::StartsWith("http://127.0.0.1:"));
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

inline Response ask(std::uint16_t port, const std::string& request) {
  RawClient client(port);
  client.send(request);
  return client.answer();
}

/// A request with a body, as `curl --json` sends it.
inline std::string post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: localhost:4000\r\nContent-Type: application/json\r\n" +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// `--nodes 3 --admin …`, ready.
class FakeCluster : public FakeProcess {
 public:
  explicit FakeCluster(std::vector<std::string> arguments = {}) : FakeProcess(with_admin(std::move(arguments))) {
    for (std::uint16_t& port : ports) port = port_of(output_line());
    const std::string line = output_line();
    EXPECT_THAT(line, testing::StartsWith("admin http://127.0.0.1:"));
    admin = port_of(line.substr(6));
  }
  std::string tell(const std::string& target, const std::string& body) const {
    const Response response = ask(admin, post(target, body));
    EXPECT_EQ(response.status, 200) << target << " " << body;
    return response.body;
  }

  std::array<std::uint16_t, 3> ports{};
  std::uint16_t admin = 0;

 private:
  static std::vector<std::string> with_admin(std::vector<std::string> arguments) {
    for (const char* more : {"--nodes", "3", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}) {
      arguments.emplace_back(more);
    }
    return arguments;
  }
};

}  // namespace deimos::fake
