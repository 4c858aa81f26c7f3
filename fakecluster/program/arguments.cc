#include "arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <map>

namespace deimos::fake {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t a_day_ms = 86'400'000;

/// What the options say before it is put where it belongs.
struct Texts {
  std::string listen = "127.0.0.1:4001";
  std::string admin;
  std::vector<std::string> names;
  std::vector<std::string> advertised;
  std::string clock = "real";
  std::int64_t request_time_ms = 0;
  std::int64_t quorum_timeout_ms = 0;
};

/// As much of it as a line of an error should have.
std::string quoted(const std::string& text) {
  constexpr std::size_t most = 60;
  return "'" + (text.size() <= most ? text : text.substr(0, most) + "…") + "'";
}

std::string check_address(const std::string& text) {
  return parse_address(text) ? std::string() : quoted(text) + " is not HOST:PORT";
}

std::string check_seed(const std::string& text) {
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  const bool all = error == std::errc() && end == text.data() + text.size();
  return all ? std::string() : quoted(text) + " is not a number of at most 64 bits";
}

/// Without spaces and control characters, which would tear the lists and lines in which they are shown.
bool is_one_word(const std::string& text) {
  return !text.empty() &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f || c == ','; });
}

std::string check_name(const std::string& text) {
  return is_one_word(text) ? std::string() : quoted(text) + " is not a name: one word without commas";
}

std::string check_url(const std::string& text) {
  const bool has_scheme = text.starts_with("http://") || text.starts_with("https://");
  return has_scheme && is_one_word(text) ? std::string() : quoted(text) + " is not a URL, as http://host:4001";
}

std::string check_loopback(const std::string& text) {
  const auto address = parse_address(text);
  if (!address) return check_address(text);
  return is_loopback(address->host) ? std::string() : quoted(text) + " is not on a loopback address, as 127.0.0.1:4000";
}

void describe_cluster(CLI::App& app, Arguments& arguments, Texts& texts) {
  ClusterOptions& cluster = arguments.cluster;
  texts.quorum_timeout_ms = milliseconds(10'000).count();
  app.add_option("--nodes", cluster.nodes, "how many nodes the cluster has")
      ->check(CLI::Range(NodeId{1}, most_nodes))
      ->capture_default_str();
  const std::map<std::string, Dialect> dialects{
      {"deimos", Dialect::deimos}, {"etcd2", Dialect::etcd2}, {"etcd3", Dialect::etcd3}};
  app.add_option("--dialect", cluster.dialect, "which store it is taken for: deimos, or the v2 or v3 API of etcd 3.4")
      ->transform(CLI::CheckedTransformer(dialects).description("deimos, etcd2 or etcd3"))
      ->default_str("deimos");
  app.add_option("--seed", cluster.seed, "decides all that is left to chance: elections, lag, rules, …")
      ->check(CLI::Validator(check_seed, "NUMBER"))
      ->capture_default_str();
  app.add_option("--name", texts.names, "the nodes' names, one for each (default: node1, node2, …)")
      ->delimiter(',')
      ->check(CLI::Validator(check_name, "TEXT"));
  app.add_option("--advertise", texts.advertised,
                 "the URLs that /machines tells clients, one for each node (default: those printed)")
      ->delimiter(',')
      ->check(CLI::Validator(check_url, "URL"));
  app.add_option("--clock", texts.clock,
                 "real, or manual: it starts at 2026-01-01T00:00:00Z and moves only when a line "
                 "'advance MILLISECONDS' comes on standard input, which is answered by 'now MILLISECONDS-SINCE-1970', "
                 "or when the admin API says so")
      ->check(CLI::IsMember({"real", "manual"}))
      ->capture_default_str();
  const std::map<std::string, ReadMode> modes{
      {"consensus", ReadMode::consensus}, {"leader_lease", ReadMode::leader_lease}, {"local", ReadMode::local}};
  app.add_option("--read-mode", cluster.read_mode,
                 "who answers a GET: all (consensus), the leader while its lease runs, or the node asked")
      ->transform(CLI::CheckedTransformer(modes).description("consensus, leader_lease or local"))
      ->default_str("consensus");
  app.add_option("--missed-sweeps", cluster.missed_sweeps,
                 "the probability, from 0 to 0.99, that a sweep of expired keys is missed")
      ->check(CLI::Range(0.0, 0.99))
      ->capture_default_str();
  app.add_option("--journal", cluster.journal_entries, "how many requests the admin API remembers, the latest; 0: none")
      ->check(CLI::Range(std::size_t{0}, std::size_t{10'000'000}))
      ->capture_default_str();
  app.add_option("--data", arguments.data_file, "a file of JSON, as GET /data of the admin API says it: what is stored")
      ->check(CLI::ExistingFile);
  app.add_option("--plan", arguments.plan_file,
                 "a file of JSON, as POST /plan of the admin API takes it: what goes wrong, from now on")
      ->check(CLI::ExistingFile);
  app.add_option("--quorum-timeout", texts.quorum_timeout_ms,
                 "milliseconds that a request waits for a quorum; then it is answered 500")
      ->check(CLI::Range(std::int64_t{1}, a_day_ms))
      ->capture_default_str();
}

void describe_network(CLI::App& app, Arguments& arguments, Texts& texts) {
  HttpLimits& limits = arguments.limits;
  texts.request_time_ms = limits.request_time.count();
  app.add_option("--listen", texts.listen,
                 "where the first node listens, as HOST:PORT; the others at the ports that follow. Port 0 picks "
                 "ports that are free")
      ->check(CLI::Validator(check_address, "HOST:PORT"))
      ->capture_default_str();
  app.add_option("--admin", texts.admin,
                 "where the admin API listens, as HOST:PORT of a loopback address (default: nowhere)")
      ->check(CLI::Validator(check_loopback, "HOST:PORT"));
  app.add_flag(
      "--log", arguments.log,
      "write a line for each request to standard error: the cluster's time, node, client, method, target, status, "
      "duration, what a rule did; lines are left out while nobody reads them");
  app.add_flag("--die-with-parent", arguments.die_with_parent,
               "end when the process (on Linux: the thread) that started it has ended, in whatever way");
  const auto limit = [&](const char* name, std::size_t& value, const char* description) {
    app.add_option(name, value, description)
        ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 40))
        ->capture_default_str();
  };
  limit("--max-request-line", limits.request_line_bytes, "bytes; longer: 414");
  limit("--max-headers", limits.header_bytes, "bytes of all headers of a request; more: 431");
  limit("--max-body", limits.body_bytes, "bytes; longer: 413");
  limit("--max-connections", limits.connections, "clients connected to a node at once; more: 503");
  app.add_option("--request-time", texts.request_time_ms, "milliseconds that a request may take to arrive; longer: 408")
      ->check(CLI::Range(std::int64_t{1}, a_day_ms))
      ->capture_default_str();
}

/// Each member's own of a list that has none, or one for each.
void take_members(Arguments& arguments, const std::vector<std::string>& texts, const char* option,
                  std::string MemberOptions::*member) {
  std::vector<MemberOptions>& members = arguments.cluster.members;
  members.resize(arguments.cluster.nodes);
  if (texts.empty()) return;
  if (texts.size() != members.size()) {
    throw CLI::ValidationError(
        option, "there are " + std::to_string(texts.size()) + " for " + std::to_string(members.size()) + " nodes");
  }
  for (std::size_t node = 0; node < members.size(); ++node) members[node].*member = texts[node];
}

void take(const Texts& texts, Arguments& arguments) {
  arguments.listen = parse_address(texts.listen).value();
  if (!texts.admin.empty()) arguments.admin = parse_address(texts.admin);
  arguments.manual_clock = texts.clock == "manual";
  arguments.limits.request_time = milliseconds(texts.request_time_ms);
  arguments.cluster.request_timeout = milliseconds(texts.quorum_timeout_ms);
  arguments.cluster.limits.target_limit = arguments.limits.request_line_bytes;
  take_members(arguments, texts.names, "--name", &MemberOptions::name);
  take_members(arguments, texts.advertised, "--advertise", &MemberOptions::client_url);
}

}  // namespace

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

bool is_loopback(std::string_view host) noexcept {
  // A name that merely begins like the addresses could be resolved to any other.
  const bool digits = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "::1" || (digits && host.starts_with("127."));
}

std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app(
      "A fake Deimos cluster over HTTP, of one node unless told otherwise. Prints the URL of each node, a line each, "
      "when "
      "it is ready, then that of the admin API, if there is one, after 'admin '; ends on SIGINT or SIGTERM.",
      "deimos-fake");
  Texts texts;
  describe_network(app, arguments, texts);
  describe_cluster(app, arguments, texts);
  try {
    app.parse(argc, argv);
    take(texts, arguments);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    constexpr std::size_t longest = 300;
    std::cerr << "deimos-fake: " << std::string(error.what()).substr(0, longest) << "\nTry deimos-fake --help."
              << std::endl;
    return 2;
  }
  return std::nullopt;
}

}  // namespace deimos::fake
