#include "backends/redis/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include <deimos/internal/descriptor.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;
using Context = std::unique_ptr<redisContext, void (*)(redisContext*)>;
using Reply = std::unique_ptr<void, void (*)(void*)>;

/// The program, and as what it is called: Debian's redis-tools has the server under the name of its checker, and is
/// what it is called as.
std::string server_program() {
  const char* path = std::getenv("PATH");
  for (const char* name : {"redis-server", "redis-check-rdb"}) {
    std::string_view rest = path == nullptr ? "/usr/bin" : path;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      std::string program = std::string(rest.substr(0, end)) + '/' + name;
      if (::access(program.c_str(), X_OK) == 0) return program;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  throw std::runtime_error("no redis-server on this machine: install redis-tools (Debian) or Redis");
}

std::string text_of(const redisReply& reply) {
  switch (reply.type) {
    case REDIS_REPLY_INTEGER: return std::to_string(reply.integer);
    case REDIS_REPLY_NIL: return "(nil)";
    case REDIS_REPLY_ERROR: return "-" + std::string(reply.str, reply.len);
    case REDIS_REPLY_ARRAY: {
      std::string lines;
      for (std::size_t i = 0; i < reply.elements; ++i) lines += text_of(*reply.element[i]) + '\n';
      return lines;
    }
    default: return {reply.str, reply.len};
  }
}

}  // namespace

RedisServer::RedisServer(std::vector<std::string> arguments, Mode mode)
    : arguments_(std::move(arguments)), mode_(mode), port_(free_port()) {
  std::string folder = (std::filesystem::temp_directory_path() / "deimos-redis-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no folder for the server");
  folder_ = folder;
  start();
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

int RedisServer::free_port() {
  const internal::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(socket.get(), any, size) != 0 || ::getsockname(socket.get(), any, &size) != 0) {
    throw std::runtime_error("no free port");
  }
  return ntohs(address.sin_port);
}

std::string RedisServer::address() const { return "127.0.0.1:" + std::to_string(port_); }

void RedisServer::start() {
  std::vector<std::string> words = {mode_ == Mode::sentinel ? "redis-sentinel" : "redis-server"};
  std::ofstream configuration(folder_ / "redis.conf", std::ios::trunc);
  configuration << "bind 127.0.0.1\nport " << port_ << "\ndir " << folder_.string() << '\n';
  if (mode_ == Mode::server) configuration << "save \"\"\nappendonly no\n";
  if (mode_ == Mode::sentinel) {
    for (const std::string& line : arguments_) configuration << line << '\n';
  }
  configuration.close();
  words.push_back((folder_ / "redis.conf").string());
  if (mode_ == Mode::server) words.insert(words.end(), arguments_.begin(), arguments_.end());
  if (mode_ == Mode::sentinel) words.emplace_back("--sentinel");
  const std::string program = server_program();
  const std::string log = (folder_ / "log").string();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Also if the test ends without a word.
    const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  const auto is_up = [](const std::string& said) { return said == "PONG" || said.starts_with("-NOAUTH"); };
  const std::string answer = await({"PING"}, is_up);
  if (!is_up(answer)) {
    std::ifstream lines(log);
    throw std::runtime_error(program + " does not start: " + answer + "\n" +
                             std::string(std::istreambuf_iterator<char>(lines), {}));
  }
}

void RedisServer::kill() {
  if (process_ < 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void RedisServer::pause() const { ::kill(process_, SIGSTOP); }
void RedisServer::go_on() const { ::kill(process_, SIGCONT); }

std::string RedisServer::command(const std::vector<std::string>& words) const {
  const Context context(redisConnectWithTimeout("127.0.0.1", port_, {1, 0}), redisFree);
  if (!context || context->err != 0) return "-no connection";
  redisSetTimeout(context.get(), {5, 0});
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const auto ask = [&](int count, const char** text, const std::size_t* size) {
    return Reply(redisCommandArgv(context.get(), count, text, size), freeReplyObject);
  };
  const Reply reply = ask(static_cast<int>(texts.size()), texts.data(), sizes.data());
  return reply ? text_of(*static_cast<redisReply*>(reply.get())) : "-no answer";
}

std::string RedisServer::await(const std::vector<std::string>& words,
                               const std::function<bool(const std::string&)>& is_wanted) const {
  const auto end = std::chrono::steady_clock::now() + 20s;
  for (;;) {
    std::string said = command(words);
    if (is_wanted(said) || std::chrono::steady_clock::now() >= end) return said;
    std::this_thread::sleep_for(5ms);  // NOLINT(sleep): nobody tells of what happens in another process
  }
}

bool RedisServer::await_listeners(int count) const {
  const auto as_wanted = [&](const std::string& said) { return std::ranges::count(said, '\n') == count; };
  return as_wanted(await({"CLIENT", "LIST", "TYPE", "pubsub"}, as_wanted));
}

}  // namespace deimos
