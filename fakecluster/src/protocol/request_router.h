// What a node makes of a request before anybody else is asked: the answer, or what it has to be asked for.
#pragma once

#include <variant>

#include <deimos/fake/node_options.h>
#include <deimos/transport.h>

#include "protocol/answer_writer.h"
#include "protocol/gateway_request.h"
#include "protocol/keys_request.h"
#include "protocol/page.h"

namespace deimos::fake {

/// `now` is the node's clock.
[[nodiscard]] std::variant<Response, Page, KeysRequest> read_request(const Request& request, const NodeLimits& limits,
                                                                     const AnswerWriter& answers, Instant now);

/// The same in the etcd3 dialect.
[[nodiscard]] std::variant<Response, Page, GatewayRequest> read_gateway_call(const Request& request,
                                                                             const NodeLimits& limits,
                                                                             const AnswerWriter& answers);

}  // namespace deimos::fake
