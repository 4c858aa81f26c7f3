// A server that a test starts, hits, and ends with itself.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace deimos {

/// A TCP port of the loopback that nobody listens at. (Somebody else may take it at once; that has not been seen yet.)
[[nodiscard]] int free_port();

/// A folder that is gone at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Dies with the test, however that ends.
class ServerProcess {
 public:
  /// `ready`: what its output has said, all of it, when it can be used.
  ServerProcess(std::vector<std::string> command, std::vector<std::string> ready);
  /// Kills it.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// False, with what it said last on standard output, if it has ended or is not ready within 20 s.
  [[nodiscard]] bool wait_until_ready();
  [[nodiscard]] bool is_ready();
  void kill();
  void pause() const;
  void resume() const;

 private:
  void listen(int descriptor);

  std::vector<std::string> not_said_;
  pid_t process_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> last_lines_;
  bool ready_ = false;
  bool ended_ = false;
  std::jthread listener_;
};

/// What a program that ends by itself writes to standard output; standard input is `input`.
struct ProgramEnd {
  int status = -1;
  std::string output;
};
[[nodiscard]] ProgramEnd run_program(const std::vector<std::string>& command, const std::string& input = {});

}  // namespace deimos
