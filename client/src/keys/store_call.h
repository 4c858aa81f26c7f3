// A call of the store from request to typed answer, every failure explained and reported to the observer once.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/call_options.h>
#include <deimos/error.h>
#include <deimos/node.h>

#include "calls/caller.h"

namespace deimos {

/// `call` as made by key_value_call.h; an error in it is reported and given back.
[[nodiscard]] Result<Answer> ask_store(Caller& caller, Result<Call> call, const std::stop_token& stop);

/// What a long poll heard, and at which endpoint.
struct Heard {
  std::optional<Event> event;
  std::string endpoint;
  bool is_asked_for = true;
};

/// See Client::wait().
[[nodiscard]] Result<Heard> wait_for_event(Caller& caller, std::string_view key, const WaitOptions& options,
                                           const EndpointWish& wish, const std::stop_token& stop);

}  // namespace deimos
