#include "calls/options_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/endpoint_url.h"

namespace deimos {
namespace {

using Problem = std::optional<std::string>;

Problem problem_with_times(const ClientOptions& options) {
  const auto too_short = [](Duration time) { return time < std::chrono::milliseconds(1); };
  if (too_short(options.request_timeout)) return "request_timeout must be at least 1 ms";
  if (too_short(options.attempt_timeout)) return "attempt_timeout must be at least 1 ms";
  if (too_short(options.connect_timeout)) return "connect_timeout must be at least 1 ms";
  if (too_short(options.poll_timeout)) return "poll_timeout must be at least 1 ms";
  if (options.sync_interval < Duration::zero()) return "sync_interval must not be negative";
  return std::nullopt;
}

Problem problem_with_retry(const RetryPolicy& retry) {
  if (retry.max_attempts < 0) return "retry.max_attempts must not be negative";
  if (retry.initial_backoff <= Duration::zero()) return "retry.initial_backoff must be positive";
  if (retry.max_backoff < retry.initial_backoff) return "retry.max_backoff must not be below retry.initial_backoff";
  if (!(retry.multiplier >= 1.0)) return "retry.multiplier must be at least 1";
  if (!(retry.jitter >= 0.0 && retry.jitter <= 1.0)) return "retry.jitter must be from 0 to 1";
  return std::nullopt;
}

bool is_token_character(char c) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != std::string_view::npos;
}

Problem problem_with_headers(const ClientOptions& options) {
  constexpr std::array<std::string_view, 6> ours = {"host",       "content-length",    "content-type",
                                                    "connection", "transfer-encoding", "accept-encoding"};
  for (const Header& header : options.headers) {
    const bool is_token = std::all_of(header.name.begin(), header.name.end(), is_token_character);
    if (header.name.empty() || !is_token) return "headers: `" + header.name + "` is no header name";
    if (std::any_of(header.value.begin(), header.value.end(),
                    [](char c) { return c == '\r' || c == '\n' || c == 0; })) {
      return "headers: the value of `" + header.name + "` contains a line end or NUL";
    }
    const Headers alone = {header};
    for (const std::string_view name : ours) {
      if (find_header(alone, name) != nullptr) return "headers: `" + header.name + "` is set by the transport";
    }
    if (options.credentials && find_header(alone, "authorization") != nullptr) {
      return "headers: `Authorization` is set by the credentials";
    }
  }
  return std::nullopt;
}

Problem problem_with_access(const ClientOptions& options) {
  if (options.credentials && options.credentials->user.find(':') != std::string::npos) {
    return "credentials: basic authentication allows no `:` in a user name";
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return "tls: certificate_file and key_file must be given together";
  }
  if (options.max_answer_bytes == 0) return "max_answer_bytes must be positive";
  if (options.transport && !options.runtime) return "a transport needs the runtime it was made with: give runtime too";
  return std::nullopt;
}

Problem make_canonical(std::vector<std::string>& endpoints) {
  if (endpoints.empty()) return "endpoints: at least one is needed";
  std::vector<std::string> canonical;
  for (const std::string& text : endpoints) {
    const auto url = EndpointUrl::parse(text);
    if (!url) return url.error();
    if (std::find(canonical.begin(), canonical.end(), url->text()) == canonical.end()) canonical.push_back(url->text());
  }
  endpoints = std::move(canonical);
  return std::nullopt;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 3; ++j) {
      group = group << 8U | (j < bytes.size() ? static_cast<unsigned char>(bytes[j]) : 0U);
    }
    out += digits[group >> 18U];
    out += digits[group >> 12U & 63U];
    out += i + 1 < bytes.size() ? digits[group >> 6U & 63U] : '=';
    out += i + 2 < bytes.size() ? digits[group & 63U] : '=';
  }
  return out;
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
        {"Authorization", "Basic " + base64(options.credentials->user + ":" + options.credentials->password)});
  }
  return headers;
}

}  // namespace deimos
