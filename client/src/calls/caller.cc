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

/// A caller who leaves too little time says nothing about the endpoint, unless all do.
Verdict verdict_of(const Failure& failure, Duration took, const ClientOptions& options) {
  switch (failure.reason) {
    case Failure::Reason::refused:
    case Failure::Reason::broken: return Verdict::fails;
    case Failure::Reason::timed_out: {
      const bool sent = failure.delivery == Delivery::unknown;
      return took >= (sent ? options.attempt_timeout : options.connect_timeout) ? Verdict::fails : Verdict::timed_out;
    }
    default: return Verdict::none;
  }
}

/// How long an endpoint may be silent before it is asked whether it works; also the time that it has to say so.
Duration patience(const ClientOptions& options) {
  constexpr int share = 3;
  return std::max<Duration>(options.attempt_timeout / share, std::chrono::milliseconds(1));
}

}  // namespace

StoreManners manners_of(Dialect of) {
  const StoreDialect& dialect = store_dialect(of);
  StoreManners manners;
  manners.probe.method = "GET";
  // Of a key that nobody has.
  manners.probe.target =
      std::string(dialect.keys_path) + "/_deimos/probe" + (dialect.reads_ask_for_quorum ? "?quorum=true" : "");
  manners.explain = [&dialect](Response response) -> StoreManners::Unclear {
    const auto read = read_answer(std::move(response), dialect);
    if (read) return {};
    return {read.error().cause.empty() ? read.error().message : read.error().cause};
  };
  return manners;
}

/// Why an attempt did not answer the call, and whether another may.
struct Caller::AttemptFailure {
  Error error;
  bool again = false;
};

/// An attempt that is under way, of which an answer can be expected soon.
class Caller::Waiting {
 public:
  Waiting(Caller& caller, const Call& call, const std::string& endpoint)
      : caller_(call.kind == Call::Kind::poll ? nullptr : &caller), endpoint_(endpoint) {
    if (caller_ == nullptr) return;
    caller_->health_.consider(caller_->endpoints_.begin(endpoint_), caller_->shared_from_this());
  }
  ~Waiting() {
    if (caller_ != nullptr) caller_->endpoints_.end(endpoint_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Caller* caller_;
  const std::string& endpoint_;
};

Caller::Caller(ClientOptions options, StoreManners manners)
    : observed_(options.observer != nullptr),
      own_transport_(options.transport == nullptr),
      options_(completed(std::move(options))),
      manners_(std::move(manners)),
      standing_headers_(standing_headers(options_)),
      endpoints_(*options_.runtime, options_.endpoints, patience(options_)),
      health_(*options_.runtime, endpoints_,
              {.probe = [this](const std::string& url, const std::stop_token& stop) { return probe(url, stop); },
               .changed = [this](const std::string& url, bool up,
                                 const std::string& reason) { report_change(url, up, reason); }}) {}

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
    if (!runtime().is_of_this_process()) {
      error = make_error(errc::closed, "the client belongs to the process that forked this one");
      return failed(attempt.number - 1);
    }
    runtime().check_running();
    EndpointSet::Choice choice = choose(call, attempt, error, tried, backoff, deadline, either.token());
    if (either.token().stop_requested()) {
      const bool closed = closing_.stop_requested();
      error = closed ? make_error(errc::closed, "the client is closed") : make_error(errc::cancelled, "by the caller");
      return failed(attempt.number - 1);
    }
    if (runtime().now() >= deadline) return failed(attempt.number - 1);

    attempt.endpoint = std::move(choice.url);
    auto outcome = this->attempt(call, attempt, deadline, stop, choice.hung);
    if (outcome) return std::move(*outcome);
    error = std::move(outcome.error().error);
    const int most = call.max_attempts != 0 ? call.max_attempts : options_.retry.max_attempts;
    const bool may_try = most == 0 || attempt.number < most;
    if (!outcome.error().again || !may_try) return failed(attempt.number);
    tried.push_back(attempt.endpoint);
  }
}

EndpointSet::Choice Caller::choose(const Call& call, const Attempt& last, const Error& why,
                                   std::vector<std::string>& tried, Backoff& backoff, TimePoint deadline,
                                   const std::stop_token& stop) {
  EndpointSet::Choice choice = endpoints_.pick(tried, call.wish);
  if (!choice.url.empty()) return choice;
  const Duration pause = backoff.pause(runtime());
  if (observed_) observe([&](Observer& observer) { observer.on_retry(last, why.message, pause); });
  runtime().sleep_until(std::min(saturating_add(runtime().now(), pause), deadline), stop);
  tried.clear();
  // Round again, but not with the one that has just failed.
  return endpoints_.pick(tried, {.prefer = {}, .avoid = last.endpoint});
}

tl::expected<Answered, Caller::AttemptFailure> Caller::attempt(const Call& call, const Attempt& attempt,
                                                               TimePoint deadline, const std::stop_token& stop,
                                                               const std::stop_token& hung) {
  if (observed_) observe([&](Observer& observer) { observer.on_request(attempt); });
  const TimePoint start = runtime().now();
  TimePoint end = deadline;
  if (call.kind == Call::Kind::read) end = std::min(end, saturating_add(start, options_.attempt_timeout));
  const StopEither either(stop, hung);

  Exchange exchange = this->exchange(call, attempt.endpoint, start, end, either.token());
  const Duration took = runtime().now() - start;
  if (!exchange) {
    Failure& failure = exchange.error();
    const bool given_up =
        failure.reason == Failure::Reason::cancelled && !stop.stop_requested() && !closing_.stop_requested();
    if (given_up) {
      failure.reason = Failure::Reason::broken;
      failure.message = "the endpoint answers nothing, while others do";
    }
    if (observed_) observe([&](Observer& observer) { observer.on_exchange_failed(attempt, failure, took); });
    // A poll that ends at its own deadline has heard nothing; one that ends sooner was not even taken.
    const bool poll_is_over = call.kind == Call::Kind::poll && failure.reason == Failure::Reason::timed_out &&
                              failure.delivery == Delivery::unknown && runtime().now() >= deadline;
    if (poll_is_over) {
      judge(attempt.endpoint, Verdict::works, "it took a long poll");
      return Answered{.response = {}, .endpoint = attempt.endpoint, .attempts = attempt.number, .timed_out = true};
    }
    if (!given_up) judge(attempt.endpoint, verdict_of(failure, took, options_), failure.message);
    return tl::unexpected<AttemptFailure>(judge(call, failure));
  }

  const int status = exchange->status;
  if (observed_) observe([&](Observer& observer) { observer.on_response(attempt, status, took); });
  judge(attempt.endpoint, status < 500 ? Verdict::works : Verdict::fails, "status " + std::to_string(status));
  if (is_unclear(status)) return tl::unexpected<AttemptFailure>(judge(call, std::move(*exchange)));
  return Answered{.response = std::move(*exchange), .endpoint = attempt.endpoint, .attempts = attempt.number};
}

Exchange Caller::exchange(const Call& call, const std::string& endpoint, TimePoint start, TimePoint end,
                          const std::stop_token& stop) {
  const Waiting waiting(*this, call, endpoint);
  if (call.kind != Call::Kind::poll) return options_.transport->exchange(endpoint, call.request, end, stop);
  Request poll = call.request;
  poll.head_by = std::min(end, saturating_add(start, options_.attempt_timeout));
  return options_.transport->exchange(endpoint, poll, end, stop);
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
  const StoreManners::Unclear unclear = manners_.explain(std::move(response));
  if (!unclear.message.empty()) message += ": " + unclear.message;
  // Whoever counts requests has not passed this one on.
  if (status == 429 || unclear.not_acted_on) return {make_error(errc::unavailable, message), true};
  // A node answers 500 when its proposal timed out, and may apply it later.
  if (call.kind == Call::Kind::write) return {make_error(errc::outcome_unknown, message)};
  return {make_error(errc::unavailable, message), call.kind == Call::Kind::read};
}

void Caller::judge(const std::string& endpoint, Verdict verdict, const std::string& reason) {
  if (!endpoints_.judge(endpoint, verdict)) return;
  report_change(endpoint, verdict == Verdict::works, reason);
  if (verdict != Verdict::works) health_.consider(endpoints_.next_check_at(), shared_from_this());
}

void Caller::report_change(const std::string& endpoint, bool up, const std::string& reason) const {
  if (!observed_) return;
  const auto kind = up ? EndpointChange::Kind::up : EndpointChange::Kind::down;
  observe([&](Observer& observer) { observer.on_endpoint_change({kind, endpoint, reason}); });
}

Verdict Caller::probe(const std::string& endpoint, const std::stop_token& stop) const {
  const Exchange exchange = look(endpoint, manners_.probe, patience(options_), stop);
  if (exchange) return exchange->status < 500 ? Verdict::works : Verdict::fails;
  return exchange.error().reason == Failure::Reason::timed_out ? Verdict::timed_out : Verdict::fails;
}

Exchange Caller::look(const std::string& endpoint, std::string_view target, Duration timeout,
                      const std::stop_token& stop) const {
  Request request;
  request.method = "GET";
  request.target = target;
  return look(endpoint, std::move(request), timeout, stop);
}

Exchange Caller::look(const std::string& endpoint, Request request, Duration timeout,
                      const std::stop_token& stop) const {
  request.headers.insert(request.headers.end(), standing_headers_.begin(), standing_headers_.end());
  return options_.transport->exchange(endpoint, request, saturating_add(runtime().now(), timeout), stop);
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
  if (!runtime().is_of_this_process()) return;
  closing_.request_stop();
  endpoints_.close();
  health_.request_stop();
  if (own_transport_) options_.transport->close();
}

}  // namespace deimos
