// deimos-fake as a process, for tests that look at it as its users do.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace deimos::fake {

/// The program with its three standard streams in our hands. Killed at the end, if it still runs.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments) {
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
  ~Program() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      wait();
    }
    for (const int stream : streams_) ::close(stream);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

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

}  // namespace deimos::fake
