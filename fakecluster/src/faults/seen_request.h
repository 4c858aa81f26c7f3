// A request as rules and the journal look at it.
#pragma once

#include <string_view>

#include <deimos/fake/node_id.h>
#include <deimos/transport.h>

#include "protocol/keys_dialect.h"
#include "protocol/request_target.h"

namespace deimos::fake {

/// Views of what it was made of, which must outlive it.
struct SeenRequest {
  SeenRequest(std::string_view its_client, NodeId its_node, const Request& its_request, const KeysDialect& dialect);

  [[nodiscard]] bool has_key() const noexcept { return target.kind == Target::Kind::keys; }

  std::string_view client;
  NodeId node;
  const Request& request;
  Target target;
  std::string_view method;  ///< `WATCH` for a GET with `wait`.
};

}  // namespace deimos::fake
