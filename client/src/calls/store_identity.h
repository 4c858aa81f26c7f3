// What answers behind an endpoint that does not answer as the client's store does.
#pragma once

#include <stop_token>
#include <string>

#include <deimos/error.h>
#include <deimos/transport.h>

#include "calls/caller.h"

namespace deimos {

/// Whether `response` cannot be from the store at all, whatever was asked: then identify_stranger() may know more.
[[nodiscard]] bool is_a_strangers(const Response& response);

/// Asks the endpoint who it is: a sentence that says so, and what to change. Blocks for two or three short requests,
/// each for ClientOptions::connect_timeout at most, and all until `end`.
[[nodiscard]] std::string identify_stranger(const Caller& caller, const std::string& endpoint, TimePoint end,
                                            const std::stop_token& stop);

}  // namespace deimos
