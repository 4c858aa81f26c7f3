// The command line of deimos-fake.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/cluster.h>
#include <deimos/fake/http_server.h>

namespace deimos::fake {

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

struct Arguments {
  Address listen = {"127.0.0.1", 4001};
  std::optional<Address> admin = {};
  bool manual_clock = false;
  bool log = false;
  bool die_with_parent = false;
  HttpLimits limits = {};
  ClusterOptions cluster = {.nodes = 1, .journal_entries = 10'000};  ///< But for its clock.
  std::string data_file = {};                                        ///< Empty: none.
  std::string plan_file = {};
};

/// Writes to standard output or standard error, and gives the status to exit with instead, for a call for help and for
/// anything that cannot be.
[[nodiscard]] std::optional<int> parse(int argc, char** argv, Arguments& arguments);

/// `HOST:PORT`, with an IPv6 address in brackets; nothing if it is not one.
[[nodiscard]] std::optional<Address> parse_address(std::string_view text);
/// Whether it is a name or address of this machine that no other can reach.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace deimos::fake
