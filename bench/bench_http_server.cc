// The HTTP front of the fake beside a bare cpp-httplib server that answers a constant of the same length, both in one
// run and asked by the same client; and what starting, stopping, crowds and open watches cost.
//
// Counters: `ours` and `bare` are requests per second, `ratio` is ours / bare; `ours_cpu` and `bare_cpu` are processor
// microseconds a request, client included, which say more when the machine has other things to do; `_ms` milliseconds.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

namespace {

using Clock = std::chrono::steady_clock;
using deimos::fake::HttpServer;
using deimos::fake::Node;

double milliseconds(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// A socket of the load generator: it sends one request at a time and reads the answer by its length.
class Caller {
 public:
  Caller() = default;
  Caller(Caller&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  ~Caller() {
    if (socket_ >= 0) ::close(socket_);
  }

  void connect(int port, bool wait = true) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int result = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    if (result != 0 && errno != EINPROGRESS) throw std::runtime_error("cannot connect");
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  void send(const std::string& request) {
    const auto sent = ::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) throw std::runtime_error("cannot send");
  }

  /// Takes what has come; true if that completes an answer.
  bool receive() {
    std::array<char, 4096> bytes;
    const auto count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count <= 0) throw std::runtime_error("the server closed the connection");
    answer_.append(bytes.data(), static_cast<std::size_t>(count));
    const std::size_t head = answer_.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t length = answer_.find("Content-Length: ");
    if (length == std::string::npos || answer_.compare(9, 2, "20") != 0) throw std::runtime_error("unexpected answer");
    if (answer_.size() < head + 4 + std::stoul(answer_.substr(length + 16, 12))) return false;
    body_ = answer_.substr(head + 4);
    answer_.clear();
    return true;
  }

  std::string call(const std::string& request) {
    send(request);
    while (!receive()) {
    }
    return body_;
  }

  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_ = -1;
  std::string answer_;
  std::string body_;
};

/// Several connections kept busy by one thread, so that the client costs both servers the same.
class Load {
 public:
  Load(int port, std::size_t connections) : callers_(connections), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    for (std::size_t i = 0; i < connections; ++i) {
      callers_[i].connect(port);
      epoll_event event{EPOLLIN, {.u64 = i}};
      ::epoll_ctl(poll_, EPOLL_CTL_ADD, callers_[i].socket(), &event);
    }
  }
  ~Load() { ::close(poll_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// Requests per second over `duration`.
  double run(const std::string& request, Clock::duration duration, double& cpu_seconds, double& requests) {
    const auto processor = std::clock();
    for (Caller& caller : callers_) caller.send(request);
    const auto start = Clock::now();
    std::size_t done = 0;
    std::size_t under_way = callers_.size();
    std::array<epoll_event, 64> events{};
    auto now = start;
    while (under_way > 0) {
      const int ready = ::epoll_wait(poll_, events.data(), events.size(), -1);
      now = Clock::now();
      for (int i = 0; i < ready; ++i) {
        Caller& caller = callers_[events[static_cast<std::size_t>(i)].data.u64];
        if (!caller.receive()) continue;
        ++done;
        if (now - start < duration) {
          caller.send(request);
        } else {
          --under_way;
        }
      }
    }
    cpu_seconds += static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
    requests += static_cast<double>(done);
    return static_cast<double>(done) / std::chrono::duration<double>(now - start).count();
  }

 private:
  std::vector<Caller> callers_;
  int poll_;
};

/// cpp-httplib as it comes, but for the settings without which it takes 44 ms a request or serves eight clients.
class BareServer {
 public:
  explicit BareServer(const std::string& body) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(64); };
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_max_count(1'000'000'000);
    server_.set_keep_alive_timeout(10);  // Its backlog of 5 can hold up a crowd for seconds.
    const auto constant = [body](const httplib::Request&, httplib::Response& response) {
      response.set_content(body, "application/json");
    };
    server_.Get(".*", constant);
    server_.Put(".*", constant);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~BareServer() {
    server_.stop();
    thread_.join();
  }
  [[nodiscard]] int port() const { return port_; }

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

std::string put_request() {
  const std::string form = "value=some-value-of-a-lock-holder";
  return "PUT /keys/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
         "application/x-www-form-urlencoded\r\nContent-Length: " +
         std::to_string(form.size()) + "\r\n\r\n" + form;
}
std::string get_request() { return "GET /keys/a HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"; }

void BM_RequestsPerSecond(benchmark::State& state) {
  const auto connections = static_cast<std::size_t>(state.range(0));
  const std::string request = state.range(1) != 0 ? put_request() : get_request();
  Node node;
  HttpServer server(node);
  Caller first;
  first.connect(server.port());
  first.call(put_request());
  BareServer bare(first.call(request));

  struct Side {
    double rates = 0;
    double cpu_seconds = 0;
    double requests = 0;
  } ours, theirs;
  const auto measure = [&](int port, Side& side) {
    Load load(port, connections);
    side.rates += load.run(request, std::chrono::milliseconds(100), side.cpu_seconds, side.requests);
  };
  for (auto _ : state) {  // Turn by turn, so that what else the machine does falls on both.
    measure(server.port(), ours);
    measure(bare.port(), theirs);
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["ours"] = ours.rates / rounds;
  state.counters["bare"] = theirs.rates / rounds;
  state.counters["ratio"] = ours.rates / theirs.rates;
  state.counters["ours_cpu"] = 1e6 * ours.cpu_seconds / ours.requests;
  state.counters["bare_cpu"] = 1e6 * theirs.cpu_seconds / theirs.requests;
}
BENCHMARK(BM_RequestsPerSecond)
    ->ArgNames({"connections", "put"})
    ->ArgsProduct({{1, 32}, {0, 1}})
    ->Iterations(30)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

/// A node with a listener, its first write, and the end of both.
void BM_NodeWithListener(benchmark::State& state) {
  const std::string request = put_request();
  for (auto _ : state) {
    Node node;
    HttpServer server(node);
    Caller caller;
    caller.connect(server.port());
    benchmark::DoNotOptimize(caller.call(request));
  }
}
BENCHMARK(BM_NodeWithListener)->Unit(benchmark::kMillisecond)->UseRealTime();

/// From the first of 200 connects to the last answer.
void BM_CrowdOf200(benchmark::State& state) {
  constexpr std::size_t crowd = 200;
  const std::string request = get_request();
  double slowest = 0;
  for (auto _ : state) {
    Node node;
    HttpServer server(node);
    Caller first;
    first.connect(server.port());
    first.call(put_request());
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    std::vector<Caller> callers(crowd);
    std::vector<bool> asked(crowd, false);
    const auto start = Clock::now();
    for (std::size_t i = 0; i < crowd; ++i) {
      callers[i].connect(server.port(), false);
      epoll_event event{EPOLLOUT, {.u64 = i}};
      ::epoll_ctl(poll, EPOLL_CTL_ADD, callers[i].socket(), &event);
    }
    std::array<epoll_event, 64> events{};
    for (std::size_t served = 0; served < crowd;) {
      const int ready = ::epoll_wait(poll, events.data(), events.size(), -1);
      for (int n = 0; n < ready; ++n) {
        epoll_event& event = events[static_cast<std::size_t>(n)];
        Caller& caller = callers[event.data.u64];
        if (!asked[event.data.u64]) {
          caller.send(request);
          asked[event.data.u64] = true;
          event.events = EPOLLIN;
          ::epoll_ctl(poll, EPOLL_CTL_MOD, caller.socket(), &event);
        } else if (caller.receive()) {
          ++served;
          ::epoll_ctl(poll, EPOLL_CTL_DEL, caller.socket(), nullptr);
        }
      }
    }
    slowest = std::max(slowest, milliseconds(Clock::now() - start));
    ::close(poll);
  }
  state.counters["slowest_ms"] = slowest;
}
BENCHMARK(BM_CrowdOf200)->Iterations(20)->Unit(benchmark::kMillisecond)->UseRealTime();

/// One client's requests while others hold watches open that see nothing of them.
void BM_RequestsBesideWatches(benchmark::State& state) {
  Node node;
  HttpServer server(node);
  std::vector<Caller> watchers(static_cast<std::size_t>(state.range(0)));
  for (Caller& watcher : watchers) {
    watcher.connect(server.port());
    watcher.send("GET /keys/quiet?wait=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  while (node.statistics().watchers < watchers.size()) std::this_thread::yield();
  Caller caller;
  caller.connect(server.port());
  const std::string request = put_request();
  std::vector<double> times;
  for (auto _ : state) {
    const auto start = Clock::now();
    benchmark::DoNotOptimize(caller.call(request));
    times.push_back(milliseconds(Clock::now() - start));
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_ms"] = times[times.size() / 2];
  state.counters["p99_ms"] = times[times.size() * 99 / 100];
}
BENCHMARK(BM_RequestsBesideWatches)
    ->ArgName("watches")
    ->Arg(0)
    ->Arg(1000)
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

/// What watches cost that wait for nothing: `core` is the part of one core that the process takes.
void BM_IdleWatches(benchmark::State& state) {
  Node node;
  HttpServer server(node);
  std::vector<Caller> watchers(static_cast<std::size_t>(state.range(0)));
  for (Caller& watcher : watchers) {
    watcher.connect(server.port());
    watcher.send("GET /keys/quiet?wait=true HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  while (node.statistics().watchers < watchers.size()) std::this_thread::yield();
  const auto processor = std::clock();
  const auto start = Clock::now();
  for (auto _ : state) std::this_thread::sleep_for(std::chrono::seconds(1));
  state.counters["core"] = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC /
                           std::chrono::duration<double>(Clock::now() - start).count();
}
BENCHMARK(BM_IdleWatches)->ArgName("watches")->Arg(1000)->Iterations(1)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
