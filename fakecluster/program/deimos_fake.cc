// deimos-fake: a fake Deimos cluster for programs in any language, over HTTP.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/admin.h>
#include <deimos/fake/data_json.h>
#include <deimos/fake/fault_json.h>
#include <deimos/fake/http_cluster.h>

#include "access_log.h"
#include "arguments.h"
#include "clock_input.h"

namespace {

using namespace deimos::fake;

/// SIGINT and SIGTERM as a descriptor. Made before any thread, so that all of them leave the signals alone.
int block_end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

/// SIGTERM comes when whoever started the program ends in whatever way. False if that has happened already.
bool die_with_parent(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  return ::getppid() == parent;
}

/// A thousand watches need more descriptors than a shell usually allows at first.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Says the file in what is wrong with it.
template <typename Call>
auto named(const std::string& path, Call call) {
  try {
    return call();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(path + ": " + error.what());
  }
}

/// What is in a file of JSON.
template <typename Parse>
auto in_file(const std::string& path, Parse parse) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::invalid_argument(path + ": cannot be read");
  return named(path, [&] { return parse(text.str()); });
}

void write_log(Cluster& cluster, AccessLog& log) {
  std::vector<std::string> names;
  for (const NodeState& node : cluster.state().nodes) names.push_back(node.name);
  log.name_nodes(std::move(names));
  cluster.on_journal([&log](const JournalEntry& entry) { log.write(entry); });
}

void run(const Arguments& arguments, int end_signal) {
  const SystemClock system_clock;
  ClusterOptions options = arguments.cluster;
  if (!arguments.manual_clock) options.clock = &system_clock;

  const Data data = arguments.data_file.empty() ? Data{} : in_file(arguments.data_file, data_from_json);
  const Plan plan = arguments.plan_file.empty() ? Plan{} : in_file(arguments.plan_file, plan_from_json);
  AccessLog log;
  std::atomic<const Cluster*> cluster = nullptr;  // Before it is made, nobody asks.
  HttpServerOptions http{.host = arguments.listen.host, .port = arguments.listen.port, .limits = arguments.limits};
  if (arguments.log) {
    http.on_access = [&](const HttpAccess& access) {
      if (const Cluster* const asked = cluster) log.write(access, asked->now());
    };
  }
  HttpCluster served(options, http);
  cluster = &served.cluster();
  if (arguments.log) write_log(served.cluster(), log);
  if (!arguments.data_file.empty()) named(arguments.data_file, [&] { served.cluster().load(data); });
  if (!arguments.plan_file.empty()) named(arguments.plan_file, [&] { served.cluster().run(plan); });
  for (const std::string& left_out : plan.left_out) std::cerr << "deimos-fake: left out: " << left_out << "\n";

  Admin admin(served.cluster());
  std::optional<HttpServer> admin_server;
  if (arguments.admin) {
    admin_server.emplace(admin, HttpServerOptions{.host = arguments.admin->host, .port = arguments.admin->port});
  }
  std::string ready;
  for (const std::string& url : served.urls()) ready += url + "\n";
  if (admin_server) ready += "admin " + admin_server->url() + "\n";
  std::cout << ready << std::flush;

  ClockInput clock_input(served.cluster());
  std::array<pollfd, 2> watched{{{end_signal, POLLIN, 0}, {arguments.manual_clock ? STDIN_FILENO : -1, POLLIN, 0}}};
  while (watched[0].revents == 0) {
    if (::poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[1].revents != 0 && !clock_input.read()) watched[1].fd = -1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const pid_t parent = ::getppid();
  std::signal(SIGPIPE, SIG_IGN);  // Who reads the log may go.
  const int end_signal = block_end_signals();
  raise_descriptor_limit();
  try {
    Arguments arguments;
    if (const std::optional<int> status = parse(argc, argv, arguments)) return *status;
    if (arguments.die_with_parent && !die_with_parent(parent)) return 0;
    run(arguments, end_signal);
  } catch (const std::invalid_argument& error) {
    std::cerr << "deimos-fake: " << error.what() << std::endl;
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "deimos-fake: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
