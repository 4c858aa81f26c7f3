#include "calls/caller.h"

#include <algorithm>
#include <utility>

#include <deimos/http_transport.h>
#include <deimos/thread_runtime.h>

#include "calls/backoff.h"
#include "calls/options_check.h"
#include "runtime/stop_either.h"
#include "wire/answer.h"

namespace deimos {
namespace {

/// With what the options leave to the client.
ClientOptions completed(ClientOptions options) {
  if (!options.observer) options.observer = std::make_shared<Observer>();
  if (!options.runtime) options.runtime = std::make_shared<ThreadRuntime>();
  if (!options.transport) {
    options.transport = std::make_shared<HttpTransport>(
        options.runtime, HttpTransportOptions{.connect_timeout = options.connect_timeout,
                                              .max_answer_bytes = options.max_answer_bytes,
                                              .tls = options.tls});
  }
  return options;
}

Error make_error(errc code, std::string message) { return fail(code, std::move(message)).value(); }

bool is_unclear(int status) noexcept { return status >= 500 || status == 429; }

}  // namespace

/// Why an attempt did not answer the call, and whether another may.
struct Caller::AttemptFailure {
  Error error;
  bool again = false;
};

Caller::Caller(ClientOptions options)
    : observed_(options.observer != nullptr),
      own_transport_(options.transport == nullptr),
      options_(completed(std::move(options))),
      standing_headers_(standing_headers(options_)),
      endpoints_(*options_.runtime, options_.endpoints) {}

Caller::~Caller() = default;

Result<Answered> Caller::ask(Call call, const std::stop_token& stop) {
  const bool poll = call.kind == Call::Kind::poll;
  const Duration timeout = call.timeout.value_or(poll ? options_.poll_timeout : options_.request_timeout);
  const TimePoint deadline = saturating_add(runtime().now(), timeout);
  const StopEither either(stop, closing_.get_token());
  call.request.headers.insert(call.request.headers.end(), standing_headers_.begin(), standing_headers_.end());

  Attempt attempt{.method = call.request.method, .key = call.key, .target = call.request.target, .endpoint = {}};
  Error error = make_error(errc::unavailable, "the time was over before the request could be sent");
  const auto failed = [&](int attempts) {
    error.method = call.request.method;
    error.key = call.key;
    error.endpoint = attempt.endpoint;
    error.attempts = attempts;
    return tl::unexpected<Error>(std::move(error));
  };
  Backoff backoff(options_.retry);
  std::vector<std::string> tried;
  for (attempt.number = 1;; ++attempt.number) {
    runtime().check_running();
    std::string endpoint = endpoints_.pick(tried);
    if (endpoint.empty()) {
      const Duration pause = backoff.pause(runtime());
      if (observed_) observe([&](Observer& observer) { observer.on_retry(attempt, error.message, pause); });
      runtime().sleep_until(std::min(saturating_add(runtime().now(), pause), deadline), either.token());
      tried.clear();
      endpoint = endpoints_.pick(tried);
    }
    if (either.token().stop_requested()) {
      const bool closed = closing_.stop_requested();
      error = closed ? make_error(errc::closed, "the client is closed") : make_error(errc::cancelled, "by the caller");
      return failed(attempt.number - 1);
    }
    if (runtime().now() >= deadline) return failed(attempt.number - 1);

    attempt.endpoint = std::move(endpoint);
    auto outcome = this->attempt(call, attempt, deadline, either.token());
    if (outcome) return std::move(*outcome);
    error = std::move(outcome.error().error);
    const bool may_try = options_.retry.max_attempts == 0 || attempt.number < options_.retry.max_attempts;
    if (!outcome.error().again || !may_try) return failed(attempt.number);
    tried.push_back(attempt.endpoint);
  }
}

tl::expected<Answered, Caller::AttemptFailure> Caller::attempt(const Call& call, const Attempt& attempt,
                                                               TimePoint deadline, const std::stop_token& stop) {
  if (observed_) observe([&](Observer& observer) { observer.on_request(attempt); });
  const TimePoint start = runtime().now();
  TimePoint end = deadline;
  if (call.kind == Call::Kind::read) end = std::min(end, saturating_add(start, options_.attempt_timeout));

  Exchange exchange = options_.transport->exchange(attempt.endpoint, call.request, end, stop);
  const Duration took = runtime().now() - start;
  if (!exchange) {
    const Failure& failure = exchange.error();
    if (observed_) observe([&](Observer& observer) { observer.on_exchange_failed(attempt, failure, took); });
    const bool poll_is_over = call.kind == Call::Kind::poll && failure.reason == Failure::Reason::timed_out &&
                              failure.delivery == Delivery::unknown;
    if (poll_is_over) {
      mark(attempt.endpoint, true, "it took a long poll");
      return Answered{.response = {}, .endpoint = attempt.endpoint, .attempts = attempt.number, .timed_out = true};
    }
    // A caller who leaves too little time says nothing about the endpoint.
    const bool slow =
        failure.reason == Failure::Reason::timed_out &&
        took >= (failure.delivery == Delivery::not_sent ? options_.connect_timeout : options_.attempt_timeout);
    if (slow || failure.reason == Failure::Reason::refused || failure.reason == Failure::Reason::broken) {
      mark(attempt.endpoint, false, failure.message);
    }
    return tl::unexpected<AttemptFailure>(judge(call, failure));
  }

  const int status = exchange->status;
  if (observed_) observe([&](Observer& observer) { observer.on_response(attempt, status, took); });
  mark(attempt.endpoint, status < 500, "status " + std::to_string(status));
  if (is_unclear(status)) return tl::unexpected<AttemptFailure>(judge(call, std::move(*exchange)));
  return Answered{.response = std::move(*exchange), .endpoint = attempt.endpoint, .attempts = attempt.number};
}

Caller::AttemptFailure Caller::judge(const Call& call, const Failure& failure) const {
  using Reason = Failure::Reason;
  const bool write = call.kind == Call::Kind::write;
  const bool sent = failure.delivery == Delivery::unknown;
  if (failure.reason == Reason::cancelled && !closing_.stop_requested()) {
    return {make_error(errc::cancelled, "by the caller")};
  }
  if (failure.reason == Reason::cancelled || failure.reason == Reason::closed) {
    if (write && sent)
      return {make_error(errc::outcome_unknown, "the client was closed while the write was under way")};
    return {make_error(errc::closed, "the client is closed")};
  }
  if (failure.reason == Reason::too_large) return {make_error(errc::protocol_error, failure.message)};
  if (write && sent) return {make_error(errc::outcome_unknown, failure.message)};
  return {make_error(errc::unavailable, failure.message), call.kind == Call::Kind::read || !sent};
}

Caller::AttemptFailure Caller::judge(const Call& call, Response response) const {
  const int status = response.status;
  std::string message = "status " + std::to_string(status);
  if (const auto read = read_answer(std::move(response)); !read) {
    message += ": " + (read.error().cause.empty() ? read.error().message : read.error().cause);
  }
  // Whoever counts requests has not passed this one on.
  if (status == 429) return {make_error(errc::unavailable, message), true};
  // A node answers 500 when its proposal timed out, and may apply it later.
  if (call.kind == Call::Kind::write) return {make_error(errc::outcome_unknown, message)};
  return {make_error(errc::unavailable, message), call.kind == Call::Kind::read};
}

void Caller::mark(const std::string& endpoint, bool up, const std::string& reason) {
  const bool changed = up ? endpoints_.mark_up(endpoint) : endpoints_.mark_down(endpoint);
  if (!changed || !observed_) return;
  const auto kind = up ? EndpointChange::Kind::up : EndpointChange::Kind::down;
  observe([&](Observer& observer) { observer.on_endpoint_change({kind, endpoint, reason}); });
}

Error Caller::report(Error error) {
  if (observed_) observe([&](Observer& observer) { observer.on_failure(error); });
  return error;
}

void Caller::observe(const std::function<void(Observer&)>& tell) const {
  try {
    tell(*options_.observer);
  } catch (...) {  // NOLINT(bugprone-empty-catch): what watches a call must not break it.
  }
}

void Caller::close() noexcept {
  closing_.request_stop();
  if (own_transport_) options_.transport->close();
}

}  // namespace deimos
