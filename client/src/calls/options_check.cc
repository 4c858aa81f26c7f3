#include "calls/options_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/evp.h>

#include <deimos/internal/http_token.h>

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

Problem problem_with_headers(const ClientOptions& options) {
  constexpr std::array<std::string_view, 6> ours = {"host",       "content-length",    "content-type",
                                                    "connection", "transfer-encoding", "accept-encoding"};
  for (const Header& header : options.headers) {
    if (!internal::is_http_token(header.name)) return "headers: `" + header.name + "` is no header name";
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
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends what it writes with a NUL.
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
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
