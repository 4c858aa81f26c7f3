#include "keys/store_call.h"

#include <utility>

#include <deimos/internal/utf8.h>

#include "calls/store_identity.h"
#include "keys/key_value_call.h"
#include "wire/answer.h"

namespace deimos {
namespace {

/// What an answer must be about.
struct Asked {
  std::string method;
  std::string key;
  std::optional<std::string> value;
};

bool is_below(std::string_view key, std::string_view directory) {
  return directory == "/" ||
         (key.size() > directory.size() && key.starts_with(directory) && key[directory.size()] == '/');
}

/// Text that is not UTF-8 comes back changed, so nobody can tell.
bool is_same(std::string_view asked, std::string_view answered) {
  return asked == answered || !internal::is_utf8(asked);
}

/// An answer to another request, as a proxy or a connection that fell out of step may give it.
tl::unexpected<Error> mixed_up(std::string_view found, std::string_view asked) {
  return fail(errc::protocol_error, "an answer about `" + std::string(found.substr(0, 200)) + "` to a request for `" +
                                        std::string(asked.substr(0, 200)) + "`");
}

Result<Answer> matched(Result<Answer> answer, const Asked& asked) {
  if (!answer) return answer;
  const Node& node = answer->node;
  const std::string_view key = node.key.empty() ? "/" : std::string_view(node.key);
  const bool in_order = asked.method == "POST";
  if (in_order ? internal::is_utf8(asked.key) && !is_below(key, asked.key) : !is_same(asked.key, key)) {
    return mixed_up(key, asked.key);
  }
  if (asked.value && !is_same(*asked.value, node.value.value_or(""))) {
    return fail(errc::protocol_error, "an answer to a write of `" + asked.key + "` that shows another value");
  }
  return answer;
}

/// Of the key, of what is below it (recursively), or of a directory above it.
bool is_event_of(const Event& event, const Asked& asked) {
  const std::string_view key = event.node.key;
  return is_same(asked.key, key) || is_below(key, asked.key) || is_below(asked.key, key);
}

/// Hands the answer to `read`; adds who answered what to an error found in it.
template <typename T, typename Read>
Result<T> ask(Caller& caller, Result<Call> call, const std::stop_token& stop, Read read) {
  if (!call) return tl::unexpected<Error>(caller.report(std::move(call.error())));
  const Duration timeout = call->timeout.value_or(call->kind == Call::Kind::poll ? caller.options().poll_timeout
                                                                                 : caller.options().request_timeout);
  const TimePoint end = saturating_add(caller.runtime().now(), timeout);
  const Asked asked{.method = call->request.method, .key = call->key, .value = call->value};
  auto answered = caller.ask(std::move(*call), stop);
  if (!answered) return tl::unexpected<Error>(caller.report(std::move(answered.error())));

  const bool strange = !answered->timed_out && is_a_strangers(answered->response);
  Result<T> result = read(*answered, asked);
  if (!result) {
    Error& error = result.error();
    if (strange && error.code == errc::protocol_error) {
      error.message += "; " + identify_stranger(caller, answered->endpoint, end, stop);
    }
    error.method = asked.method;
    error.key = asked.key;
    error.endpoint = std::move(answered->endpoint);
    error.attempts = answered->attempts;
    error = caller.report(std::move(error));
  }
  return result;
}

bool is_blank(std::string_view text) noexcept { return text.find_first_not_of(" \r\n") == std::string_view::npos; }

}  // namespace

Result<Answer> ask_store(Caller& caller, Result<Call> call, const std::stop_token& stop) {
  return ask<Answer>(caller, std::move(call), stop, [&](Answered& answered, const Asked& asked) {
    return matched(read_answer(std::move(answered.response), caller.dialect()), asked);
  });
}

namespace {

/// An etcd tells the removal of `/jobs` from its history to a watcher of `/jobsite` too.
bool is_strange_removal(const Event& event, const Asked& asked, const StoreDialect& dialect) {
  return dialect.tells_strange_removals && event.is_removal() && asked.key.starts_with(event.node.key);
}

Result<Heard> wait_once(Caller& caller, std::string_view key, const WaitOptions& options, const EndpointWish& wish,
                        const std::stop_token& stop) {
  const StoreDialect& dialect = caller.dialect();
  const auto read = [&](Answered& answered, const Asked& asked) -> Result<Heard> {
    // The server ends a poll that heard nothing, or whose watcher it dropped, with an empty body.
    if (answered.timed_out || (answered.response.status == 200 && is_blank(answered.response.body)))
      return Heard{.event = std::nullopt, .endpoint = answered.endpoint};
    auto answer = read_answer(std::move(answered.response), dialect);
    if (!answer) return tl::unexpected<Error>(std::move(answer.error()));
    const bool is_asked_for = is_event_of(*answer, asked);
    if (!is_asked_for && !is_strange_removal(*answer, asked, dialect)) return mixed_up(answer->node.key, asked.key);
    return Heard{
        .event = std::move(static_cast<Event&>(*answer)), .endpoint = answered.endpoint, .is_asked_for = is_asked_for};
  };
  Result<Call> call = wait_call(dialect, key, options);
  if (call) call->wish = wish;
  return ask<Heard>(caller, std::move(call), stop, read);
}

}  // namespace

Result<Heard> wait_for_event(Caller& caller, std::string_view key, const WaitOptions& options, const EndpointWish& wish,
                             const std::stop_token& stop) {
  const TimePoint end = saturating_add(caller.runtime().now(), options.timeout.value_or(caller.options().poll_timeout));
  WaitOptions rest = options;
  for (;;) {
    Result<Heard> heard = wait_once(caller, key, rest, wish, stop);
    if (!heard || heard->is_asked_for) return heard;
    rest.from_index = heard->event->node.modified_index + 1;
    rest.timeout = end - caller.runtime().now();
    if (*rest.timeout <= Duration::zero()) return Heard{.event = std::nullopt, .endpoint = heard->endpoint};
  }
}

}  // namespace deimos
