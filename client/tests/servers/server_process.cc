#include "servers/server_process.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <system_error>

#include <deimos/internal/descriptor.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void give_up(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

/// The signal that ends a child with the thread that has made it.
pid_t spawn(const std::vector<std::string>& command, posix_spawn_file_actions_t& files) {
  std::vector<std::string> words = {"setpriv", "--pdeathsig", "KILL"};
  words.insert(words.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t process = -1;
  errno = posix_spawnp(&process, "setpriv", &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (errno != 0) give_up(command.front());
  return process;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("pipe");
    reading = internal::Descriptor(ends[0]);
    writing = internal::Descriptor(ends[1]);
  }
  internal::Descriptor reading;
  internal::Descriptor writing;
};

}  // namespace

int free_port() {
  const internal::Descriptor listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) give_up("bind");
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) give_up("getsockname");
  return ntohs(address.sin_port);
}

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "deimos_test_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) give_up(name);
  path_ = name;
}
ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ServerProcess::ServerProcess(std::vector<std::string> command, std::vector<std::string> ready)
    : not_said_(std::move(ready)) {
  const Pipe words;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, words.writing.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, words.writing.get(), STDERR_FILENO);
  process_ = spawn(command, files);
  listener_ = std::jthread([this, descriptor = ::dup(words.reading.get())] { listen(descriptor); });
}

ServerProcess::~ServerProcess() { kill(); }

void ServerProcess::listen(int descriptor) {
  const internal::Descriptor reading(descriptor);
  std::string rest;
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t size = ::read(reading.get(), bytes.data(), bytes.size());
    if (size <= 0) break;
    rest.append(bytes.data(), static_cast<std::size_t>(size));
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      const std::scoped_lock lock(mutex_);
      last_lines_.push_back(rest.substr(0, end));
      if (last_lines_.size() > 20) last_lines_.pop_front();
      std::erase_if(not_said_,
                    [&](const std::string& text) { return last_lines_.back().find(text) != std::string::npos; });
      ready_ = not_said_.empty();
      rest.erase(0, end + 1);
      changed_.notify_all();
    }
  }
  const std::scoped_lock lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

bool ServerProcess::wait_until_ready() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, 20s, [this] { return ready_ || ended_; });
  if (ready_) return true;
  for (const std::string& line : last_lines_) std::cout << line << '\n';
  return false;
}

bool ServerProcess::is_ready() {
  const std::scoped_lock lock(mutex_);
  return ready_;
}

void ServerProcess::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
}
void ServerProcess::pause() const { ::kill(process_, SIGSTOP); }
void ServerProcess::resume() const { ::kill(process_, SIGCONT); }

ProgramEnd run_program(const std::vector<std::string>& command, const std::string& input) {
  Pipe in;
  Pipe out;
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in.reading.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out.writing.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, out.writing.get(), STDERR_FILENO);
  const pid_t process = spawn(command, files);
  in.reading = internal::Descriptor();
  out.writing = internal::Descriptor();
  if (::write(in.writing.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size())) give_up("write");
  in.writing = internal::Descriptor();
  ProgramEnd end;
  std::array<char, 4096> bytes{};
  for (;;) {
    const ssize_t size = ::read(out.reading.get(), bytes.data(), bytes.size());
    if (size <= 0) break;
    end.output.append(bytes.data(), static_cast<std::size_t>(size));
  }
  int status = 0;
  ::waitpid(process, &status, 0);
  end.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return end;
}

}  // namespace deimos
