// deimos-fake: a fake Deimos node for programs in any language, over HTTP.
#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/fake/clock_driver.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

namespace {

using namespace deimos::fake;
using std::chrono::milliseconds;

struct Arguments {
  std::string listen = "127.0.0.1:4001";
  std::string advertise;
  std::string name = "node1";
  std::string clock = "real";
  bool log = false;
  HttpLimits limits;
  std::int64_t request_time_ms = 0;
};

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

/// `HOST:PORT`, with an IPv6 address in brackets; nothing if it is not one.
std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find_first_of(":[]") != std::string_view::npos) return std::nullopt;
  Address address{std::string(host), 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return address;
}

void describe_options(CLI::App& app, Arguments& arguments) {
  const auto address = [](const std::string& text) {
    return parse_address(text) ? std::string() : "'" + text + "' is not HOST:PORT";
  };
  HttpLimits& limits = arguments.limits;
  arguments.request_time_ms = limits.request_time.count();
  app.add_option("--listen", arguments.listen, "where to listen, as HOST:PORT; port 0 picks one that is free")
      ->check(CLI::Validator(address, "HOST:PORT"))
      ->capture_default_str();
  app.add_option("--advertise", arguments.advertise, "the URL that /machines tells clients (default: the one printed)");
  app.add_option("--name", arguments.name, "the node's name")->capture_default_str();
  app.add_option("--clock", arguments.clock,
                 "real, or manual: it starts at 2026-01-01T00:00:00Z and moves only when a line "
                 "'advance MILLISECONDS' comes on standard input, which is answered by 'now MILLISECONDS-SINCE-1970'")
      ->check(CLI::IsMember({"real", "manual"}))
      ->capture_default_str();
  app.add_flag("--log", arguments.log, "write a line for each request to standard error");
  const auto limit = [&](const char* name, std::size_t& value, const char* description) {
    app.add_option(name, value, description)
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40))
        ->capture_default_str();
  };
  limit("--max-request-line", limits.request_line_bytes, "bytes; longer: 414");
  limit("--max-headers", limits.header_bytes, "bytes of all headers of a request; more: 431");
  limit("--max-body", limits.body_bytes, "bytes; longer: 413");
  limit("--max-connections", limits.connections, "clients connected at once; more: 503");
  app.add_option("--request-time", arguments.request_time_ms,
                 "milliseconds that a request may take to arrive; longer: 408")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{86'400'000}))
      ->capture_default_str();
}

/// One line a request: when it was answered, what it was, its status and how long it took.
class AccessLog {
 public:
  void write(const HttpAccess& access) {
    const auto now = std::chrono::system_clock::now();
    const std::time_t time = std::chrono::system_clock::to_time_t(now);
    const auto part = std::chrono::floor<milliseconds>(now.time_since_epoch()) % std::chrono::seconds(1);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> when{};
    std::strftime(when.data(), when.size(), "%FT%T", &parts);
    const auto named = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
    const std::lock_guard lock(mutex_);
    std::fprintf(stderr, "%s.%03dZ %s %s %d %.3fms\n", when.data(), static_cast<int>(part.count()),
                 named(access.method), named(access.target), access.status,
                 std::chrono::duration<double, std::milli>(access.duration).count());
  }

 private:
  std::mutex mutex_;
};

/// The lines of standard input that move a manual clock.
class ManualControl {
 public:
  explicit ManualControl(Node& node) : node_(node) {}

  /// Takes what has come; false at the end of the input.
  bool read() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return false;
    pending_.append(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1)) {
      obey(std::string_view(pending_).substr(0, end));
    }
    return true;
  }

 private:
  void obey(std::string_view line) {
    constexpr std::string_view verb = "advance ";
    const std::string_view digits = line.substr(std::min(verb.size(), line.size()));
    std::uint32_t amount = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
    if (!line.starts_with(verb) || error != std::errc() || end != digits.data() + digits.size()) {
      std::cerr << "deimos-fake: expected 'advance MILLISECONDS', got '" << line << "'" << std::endl;
      return;
    }
    node_.advance(milliseconds(amount));
    std::cout << "now " << std::chrono::floor<milliseconds>(node_.now().time_since_epoch()).count() << std::endl;
  }

  Node& node_;
  std::string pending_;
};

/// SIGINT and SIGTERM as a descriptor. Made before any thread, so that all of them leave the signals alone.
int block_end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

/// A thousand watches need more descriptors than a shell usually allows at first.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void run(const Arguments& arguments, int end_signal) {
  const Address address = *parse_address(arguments.listen);
  HttpListener listener(address.host, address.port);

  const SystemClock system_clock;
  const bool real = arguments.clock == "real";
  NodeOptions node_options;
  node_options.name = arguments.name;
  node_options.client_url = arguments.advertise.empty() ? listener.url() : arguments.advertise;
  node_options.target_limit = arguments.limits.request_line_bytes;
  node_options.clock = real ? &system_clock : nullptr;
  Node node(node_options);
  std::optional<ClockDriver> driver;
  if (real) driver.emplace(node);

  AccessLog log;
  HttpServerOptions options{.limits = arguments.limits};
  options.limits.request_time = milliseconds(arguments.request_time_ms);
  if (arguments.log) options.on_access = [&log](const HttpAccess& access) { log.write(access); };
  const HttpServer server(node, std::move(listener), options);
  std::cout << server.url() << std::endl;

  ManualControl control(node);
  std::array<pollfd, 2> watched{{{end_signal, POLLIN, 0}, {real ? -1 : STDIN_FILENO, POLLIN, 0}}};
  while (watched[0].revents == 0) {
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[1].revents != 0 && !control.read()) watched[1].fd = -1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int end_signal = block_end_signals();
  raise_descriptor_limit();
  CLI::App app("A fake Deimos node over HTTP. Prints its URL when it is ready; ends on SIGINT or SIGTERM.",
               "deimos-fake");
  Arguments arguments;
  describe_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "deimos-fake: " << error.what() << "\nTry deimos-fake --help." << std::endl;
    return 2;
  }
  try {
    run(arguments, end_signal);
  } catch (const std::exception& error) {
    std::cerr << "deimos-fake: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
