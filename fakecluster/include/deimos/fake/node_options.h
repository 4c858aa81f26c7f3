// What a node is called, what it bounds, and what it holds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include <deimos/fake/clock.h>
#include <deimos/fake/dialect.h>

namespace deimos::fake {

/// Bounds of one node, the same for every node of a cluster.
struct NodeLimits {
  std::chrono::nanoseconds watch_timeout = std::chrono::minutes(5);  ///< A watch without an event ends after this.
  std::size_t history_capacity = 1000;                               ///< Events kept for watches from the past.
  std::size_t watch_backlog = 100;  ///< A streaming watch with as many chunks not yet taken is dropped; its body ends.
  /// Bytes; a request with a longer target is answered 414. A compare-and-delete has its value there.
  std::size_t target_limit = 1 << 20;
  /// Bytes; a longer key is answered 414 too. Bounds the depth of the tree.
  std::size_t key_limit = 4 << 10;
  std::size_t form_limit = 10 << 20;  ///< Bytes; a longer form is refused with error 210, as by Go's HTTP server.
  /// Of the etcd3 dialect: bytes that all versions of all keys may take; beyond that, puts and grants are refused, as
  /// by an etcd without space, until enough is compacted.
  std::size_t version_bytes = 256 << 20;
};

/// A name and two URLs, which tell a node from the others of its cluster.
struct MemberOptions {
  std::string name = {};        ///< Empty: `node1`, `node2`, …
  std::string client_url = {};  ///< Shown to clients, by `/machines` and the like. Empty: `http://127.0.0.1:4001`, …
  std::string peer_url = {};    ///< Empty: `http://127.0.0.1:7001`, …
};

/// A node by itself.
struct NodeOptions {
  MemberOptions member = {"node1", "http://127.0.0.1:4001", "http://127.0.0.1:7001"};
  /// Not given: a ManualClock of the node's own, moved by advance(). Must outlive the node.
  const Clock* clock = nullptr;
  std::chrono::nanoseconds sweep_interval = std::chrono::milliseconds(500);
  NodeLimits limits = {};
  Dialect dialect = Dialect::deimos;
};

/// Counts of what a node holds, so that tests can see that nothing is left behind.
struct NodeStatistics {
  std::uint64_t index = 0;  ///< Of its store: the number of changes.
  std::size_t keys = 0;     ///< Files and directories, the root and hidden ones too.
  std::size_t watchers = 0;
  std::uint64_t requests = 0;
};

}  // namespace deimos::fake
