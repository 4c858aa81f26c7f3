// A call of the store from request to typed answer, every failure explained and reported to the observer once.
#pragma once

#include <optional>
#include <stop_token>
#include <string_view>

#include <deimos/call_options.h>
#include <deimos/error.h>
#include <deimos/node.h>

#include "calls/caller.h"

namespace deimos {

/// `call` as made by key_value_call.h; an error in it is reported and given back.
[[nodiscard]] Result<Answer> ask_store(Caller& caller, Result<Call> call, const std::stop_token& stop);

/// See Client::wait().
[[nodiscard]] Result<std::optional<Event>> wait_for_event(Caller& caller, std::string_view key,
                                                          const WaitOptions& options, const std::stop_token& stop);

}  // namespace deimos
