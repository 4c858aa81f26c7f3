#include "calls/options_check.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include <deimos/internal/broken_rule.h>
#include <deimos/internal/http_token.h>

#include "http/tls_files.h"
#include "wire/base64.h"
#include "wire/endpoint_url.h"

namespace deimos {
namespace {

using Problem = std::optional<std::string>;

/// Nothing if the rule holds.
template <typename Value>
Problem unless(bool holds, std::string_view rule, Value value) {
  if (holds) return std::nullopt;
  return internal::broken_rule(rule, value);
}

Problem first_of(std::initializer_list<Problem> problems) {
  const auto found =
      std::find_if(problems.begin(), problems.end(), [](const Problem& each) { return each.has_value(); });
  return found == problems.end() ? std::nullopt : *found;
}

Problem problem_with_times(const ClientOptions& options) {
  constexpr std::chrono::milliseconds least{1};
  return first_of({
      unless(options.request_timeout >= least, "request_timeout must be at least 1ms", options.request_timeout),
      unless(options.attempt_timeout >= least, "attempt_timeout must be at least 1ms", options.attempt_timeout),
      unless(options.connect_timeout >= least, "connect_timeout must be at least 1ms", options.connect_timeout),
      unless(options.poll_timeout >= least, "poll_timeout must be at least 1ms", options.poll_timeout),
      unless(options.sync_interval >= Duration::zero(), "sync_interval must not be negative", options.sync_interval),
  });
}

Problem problem_with_retry(const RetryPolicy& retry) {
  return first_of({
      unless(retry.max_attempts >= 0, "retry.max_attempts must not be negative", retry.max_attempts),
      unless(retry.initial_backoff > Duration::zero(), "retry.initial_backoff must be positive", retry.initial_backoff),
      unless(retry.max_backoff >= retry.initial_backoff, "retry.max_backoff must not be below retry.initial_backoff",
             retry.max_backoff),
      unless(retry.multiplier >= 1.0, "retry.multiplier must be at least 1", retry.multiplier),
      unless(retry.jitter >= 0.0 && retry.jitter <= 1.0, "retry.jitter must be from 0 to 1", retry.jitter),
  });
}

Problem problem_with_headers(const ClientOptions& options) {
  constexpr std::array<std::string_view, 6> ours = {"host",       "content-length",    "content-type",
                                                    "connection", "transfer-encoding", "accept-encoding"};
  for (const Header& header : options.headers) {
    if (!internal::is_http_token(header.name)) return "headers: `" + header.name + "` must be a token of HTTP";
    if (std::any_of(header.value.begin(), header.value.end(),
                    [](char c) { return c == '\r' || c == '\n' || c == 0; })) {
      return "headers: the value of `" + header.name + "` must not contain a line end or NUL";
    }
    const Headers alone = {header};
    for (const std::string_view name : ours) {
      if (find_header(alone, name) != nullptr)
        return "headers: `" + header.name + "` must not be given: the transport sets it";
    }
    if (options.credentials && find_header(alone, "authorization") != nullptr) {
      return "headers: `Authorization` must not be given beside credentials";
    }
  }
  return std::nullopt;
}

Problem problem_with_access(const ClientOptions& options) {
  if (options.credentials && options.credentials->user.find(':') != std::string::npos) {
    return "credentials.user must not contain `:`, but is " + options.credentials->user;
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return "tls: certificate_file and key_file must be given together";
  }
  if (auto problem = problem_with_files(options.tls)) return problem;
  if (options.max_answer_bytes == 0) return "max_answer_bytes must be positive, but is 0";
  if (options.transport && !options.runtime)
    return "transport must come with the runtime it was made with, but runtime is not given";
  return std::nullopt;
}

Problem make_canonical(std::vector<std::string>& endpoints) {
  if (endpoints.empty()) return "endpoints must not be empty";
  std::vector<std::string> canonical;
  for (const std::string& text : endpoints) {
    const auto url = EndpointUrl::parse(text);
    if (!url) return url.error();
    if (std::find(canonical.begin(), canonical.end(), url->text()) == canonical.end()) canonical.push_back(url->text());
  }
  endpoints = std::move(canonical);
  return std::nullopt;
}

}  // namespace

Result<ClientOptions> check_options(ClientOptions options) {
  Problem problem = make_canonical(options.endpoints);
  if (!problem) problem = problem_with_times(options);
  if (!problem) problem = problem_with_retry(options.retry);
  if (!problem) problem = problem_with_headers(options);
  if (!problem) problem = problem_with_access(options);
  if (problem) return fail(errc::invalid_argument, std::move(*problem));
  return options;
}

Headers standing_headers(const ClientOptions& options) {
  Headers headers = options.headers;
  if (options.credentials) {
    headers.push_back(
        {"Authorization", "Basic " + encode_base64(options.credentials->user + ":" + options.credentials->password)});
  }
  return headers;
}

}  // namespace deimos
