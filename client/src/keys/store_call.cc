#include "keys/store_call.h"

#include <utility>

#include "keys/key_value_call.h"
#include "wire/answer.h"

namespace deimos {
namespace {

/// Hands the answer to `read`; adds who answered what to an error found in it.
template <typename T, typename Read>
Result<T> ask(Caller& caller, Result<Call> call, const std::stop_token& stop, Read read) {
  if (!call) return tl::unexpected<Error>(caller.report(std::move(call.error())));
  std::string method = call->request.method;
  std::string key = call->key;
  auto answered = caller.ask(std::move(*call), stop);
  if (!answered) return tl::unexpected<Error>(caller.report(std::move(answered.error())));

  Result<T> result = read(*answered);
  if (!result) {
    Error& error = result.error();
    error.method = std::move(method);
    error.key = std::move(key);
    error.endpoint = std::move(answered->endpoint);
    error.attempts = answered->attempts;
    error = caller.report(std::move(error));
  }
  return result;
}

bool is_blank(std::string_view text) noexcept { return text.find_first_not_of(" \r\n") == std::string_view::npos; }

}  // namespace

Result<Answer> ask_store(Caller& caller, Result<Call> call, const std::stop_token& stop) {
  return ask<Answer>(caller, std::move(call), stop,
                     [](Answered& answered) { return read_answer(std::move(answered.response)); });
}

Result<std::optional<Event>> wait_for_event(Caller& caller, std::string_view key, const WaitOptions& options,
                                            const std::stop_token& stop) {
  const auto read = [](Answered& answered) -> Result<std::optional<Event>> {
    // The server ends a poll that heard nothing, or whose watcher it dropped, with an empty body.
    if (answered.timed_out || (answered.response.status == 200 && is_blank(answered.response.body)))
      return std::nullopt;
    auto answer = read_answer(std::move(answered.response));
    if (!answer) return tl::unexpected<Error>(std::move(answer.error()));
    return std::optional<Event>(std::move(static_cast<Event&>(*answer)));
  };
  return ask<std::optional<Event>>(caller, wait_call(key, options), stop, read);
}

}  // namespace deimos
