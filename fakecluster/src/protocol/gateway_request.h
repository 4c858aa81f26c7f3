// What a request to etcd's JSON gateway asks for, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "versions/requests.h"

namespace deimos::fake {

struct TimeToLiveRequest {
  std::int64_t id = 0;
  bool keys = false;
};
struct LeasesRequest {};
/// Each is answered by a message of its own.
struct KeepAliveRequest {
  std::vector<std::int64_t> ids;
};
/// One more watch on a stream.
struct WatchCreation {
  versions::KeyRange range = {};
  std::int64_t start_revision = 0;  ///< 0: what comes from now on.
  std::int64_t id = 0;              ///< 0: any.
  bool progress_notify = false;
  bool prev_kv = false;
  bool no_put = false;
  bool no_delete = false;
};
struct WatchCancellation {
  std::int64_t id = 0;
};
struct ProgressRequest {};
/// The messages that open a stream of events, in order; each is an order to the stream.
struct WatchRequest {
  using Message = std::variant<WatchCreation, WatchCancellation, ProgressRequest>;
  std::vector<Message> messages;
};
struct AuthenticateRequest {
  std::string name;
  std::string password;
};
struct StatusRequest {};
struct MemberListRequest {};

using GatewayRequest =
    std::variant<versions::RangeRequest, versions::PutRequest, versions::DeleteRequest, versions::TxnRequest,
                 versions::CompactionRequest, versions::GrantRequest, versions::RevokeRequest, TimeToLiveRequest,
                 LeasesRequest, KeepAliveRequest, WatchRequest, AuthenticateRequest, StatusRequest, MemberListRequest>;

}  // namespace deimos::fake
