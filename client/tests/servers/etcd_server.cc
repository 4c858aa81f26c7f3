#include "servers/etcd_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <stdexcept>
#include <thread>
#include <utility>

namespace deimos {
namespace {

/// As CMake found it.
constexpr const char* program = DEIMOS_ETCD;

/// Free now; nobody keeps it so until etcd has it.
std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(socket);
  if (!bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

/// In memory if that can be had: etcd waits for the disk at each write.
std::filesystem::path new_folder() {
  const std::filesystem::path memory = "/dev/shm";
  const bool has_memory = ::access(memory.c_str(), W_OK) == 0;
  std::string pattern = ((has_memory ? memory : std::filesystem::temp_directory_path()) / "etcd-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for etcd's data");
  return pattern;
}

std::string loopback_url(std::uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

}  // namespace

/// Reads what etcd writes, so that it is never held up by it.
class EtcdServer::Log {
 public:
  explicit Log(int stream) : stream_(stream) {}
  ~Log() {
    if (reader_.joinable()) reader_.join();  // Etcd has ended: so does its output.
    ::close(stream_);
  }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Reads until etcd serves clients, and has written down its version, which is a change of its store; false if its
  /// output ends before. Then goes on in a thread.
  bool read_until_ready() {
    bool serves = false;
    bool has_version = false;
    std::string line;
    while (read_line(line)) {
      last_.push_back(line);
      if (last_.size() > 20) last_.pop_front();
      serves = serves || line.find("serving insecure client requests") != std::string::npos;
      has_version = has_version || line.find("enabled capabilities for version") != std::string::npos;
      if (!serves || !has_version) continue;
      reader_ = std::thread([this] {
        for (std::string skipped; read_line(skipped);) {
        }
      });
      return true;
    }
    return false;
  }

  [[nodiscard]] std::string last_lines() const {
    std::string text;
    for (const std::string& line : last_) text += line + "\n";
    return text;
  }

 private:
  bool read_line(std::string& line) {
    for (;;) {
      if (const std::size_t end = unread_.find('\n'); end != std::string::npos) {
        line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        return true;
      }
      std::array<char, 4096> bytes;
      const ssize_t count = ::read(stream_, bytes.data(), bytes.size());
      if (count <= 0) return false;
      unread_.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }

  int stream_;
  std::string unread_;
  std::deque<std::string> last_;
  std::thread reader_;
};

EtcdServer::EtcdServer(Options options)
    : options_(std::move(options)), port_(free_port()), peer_port_(free_port()), folder_(new_folder()) {
  try {
    start();
  } catch (...) {
    std::filesystem::remove_all(folder_);
    throw;
  }
}

EtcdServer::~EtcdServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string EtcdServer::url() const { return loopback_url(port_); }
std::string EtcdServer::peer_url() const { return loopback_url(peer_port_); }

void EtcdServer::start() {
  std::vector<std::string> arguments = {program,
                                        "--name=" + std::string(name()),
                                        "--data-dir=" + folder_.string(),
                                        "--listen-client-urls=" + url(),
                                        "--advertise-client-urls=" + url(),
                                        "--listen-peer-urls=" + peer_url(),
                                        "--initial-advertise-peer-urls=" + peer_url(),
                                        "--initial-cluster=" + std::string(name()) + "=" + peer_url()};
  if (options_.v2) arguments.emplace_back("--enable-v2");
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::execv(program, argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  log_ = std::make_unique<Log>(ends[0]);
  if (log_->read_until_ready()) return;
  kill();
  throw std::runtime_error("etcd (`" + std::string(program) +
                           "`; `./dev test` fetches it) does not start; it said: " + log_->last_lines());
}

void EtcdServer::pause() const { ::kill(process_, SIGSTOP); }
void EtcdServer::resume() const { ::kill(process_, SIGCONT); }

void EtcdServer::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

void EtcdServer::restart() {
  kill();
  start();
}

}  // namespace deimos
