// The text of the gateway's answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <deimos/transport.h>

#include "protocol/member_list.h"
#include "versions/requests.h"

namespace deimos::fake {

/// Who answers, and as of when.
struct GatewayHeader {
  std::uint64_t cluster_id = 0;
  std::uint64_t member_id = 0;
  std::uint64_t raft_term = 0;
};

struct KeepAliveAnswer {
  std::int64_t id = 0;
  std::int64_t ttl = 0;  ///< 0: there is no such lease.
};
struct TimeToLiveAnswer {
  std::int64_t id = 0;
  std::int64_t ttl = -1;  ///< Seconds left; -1: there is no such lease.
  std::int64_t granted_ttl = 0;
  std::vector<std::string> keys = {};
};
struct StatusAnswer {
  std::uint64_t leader = 0;  ///< 0: none is known.
  std::uint64_t raft_index = 0;
  std::size_t bytes = 0;
};
/// One message of a stream of events.
struct WatchAnswer {
  std::int64_t revision = 0;
  std::int64_t watch = 0;
  bool created = false;
  bool canceled = false;
  std::int64_t compact_revision = 0;
  std::string cancel_reason = {};
};
struct WatchedEvent {
  const versions::VersionEvent* event = nullptr;
  std::optional<versions::KeyValue> previous = {};
};

/// Writes answers of one node in one term. Each text is one JSON object.
class GatewayAnswers {
 public:
  explicit GatewayAnswers(const GatewayHeader& header) noexcept : header_(header) {}

  [[nodiscard]] std::string text(const versions::RangeAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::PutAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::DeleteAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::TxnAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::CompactionAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::GrantAnswer& answer) const;
  [[nodiscard]] std::string text(const versions::RevokeAnswer& answer) const;
  // `revision`: the store's.
  [[nodiscard]] std::string text(const KeepAliveAnswer& answer, std::int64_t revision) const;
  [[nodiscard]] std::string text(const TimeToLiveAnswer& answer, std::int64_t revision) const;
  [[nodiscard]] std::string leases_text(const std::vector<std::int64_t>& leases, std::int64_t revision) const;
  [[nodiscard]] std::string token_text(const std::string& token, std::int64_t revision) const;
  [[nodiscard]] std::string text(const StatusAnswer& answer, std::int64_t revision) const;
  [[nodiscard]] std::string text(const MemberList& members, NodeId count) const;
  /// With the new line that ends each message of a stream.
  [[nodiscard]] std::string text(const WatchAnswer& answer, const std::vector<WatchedEvent>& events = {}) const;

 private:
  GatewayHeader header_;
};

[[nodiscard]] Response gateway_success(std::string body);
/// The head of a success whose body follows.
[[nodiscard]] Response gateway_stream();
/// A message of a stream of answers, with its new line.
[[nodiscard]] std::string stream_message(std::string_view text);

}  // namespace deimos::fake
