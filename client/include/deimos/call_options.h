// The options of single calls of a Client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <deimos/runtime.h>

namespace deimos {

// In all options, `timeout` is for the whole call; none: ClientOptions::request_timeout. Not positive: the call fails
// with errc::unavailable at once. `avoid_endpoint` is the URL of an endpoint to be asked only if no other works, as of
// one that has just failed for the same purpose: see Error::endpoint.

struct GetOptions {
  bool recursive = false;  ///< The whole tree below a directory, not one level.
  bool sorted = false;     ///< Children by key, as text.
  std::optional<Duration> timeout = {};
  std::string avoid_endpoint = {};
};

struct WriteOptions {
  std::optional<Duration> ttl = {};  ///< None: permanent, also if the key had a TTL before.
  std::optional<Duration> timeout = {};
  std::string avoid_endpoint = {};
};

struct RemoveOptions {
  bool recursive = false;  ///< A directory with all below it.
  bool dir = false;        ///< An empty directory.
  std::optional<Duration> timeout = {};
};

struct CallOptions {
  std::optional<Duration> timeout = {};
};

/// What must hold of the node for a write to be done. At least one of them; both if both are given.
struct Compare {
  std::optional<std::string> value = {};    ///< Not empty: the store cannot compare with that.
  std::optional<std::uint64_t> index = {};  ///< modified_index; not 0.
};

struct WaitOptions {
  std::uint64_t from_index = 0;  ///< The first event at this index or later; 0: the next one from now.
  bool recursive = false;
  std::optional<Duration> timeout = {};  ///< None: ClientOptions::poll_timeout.
};

}  // namespace deimos
