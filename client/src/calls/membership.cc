#include "calls/membership.h"

#include <algorithm>
#include <utility>

#include "calls/store_identity.h"
#include "wire/answer.h"

namespace deimos {
namespace {

bool is_secure(const std::string& url) { return url.starts_with("https:"); }

/// Whoever asked for https must not be led to send credentials in the clear.
bool is_downgrade(const std::vector<std::string>& configured, const std::vector<std::string>& found) {
  return std::all_of(configured.begin(), configured.end(), is_secure) &&
         !std::all_of(found.begin(), found.end(), is_secure);
}

}  // namespace

Result<std::vector<std::string>> sync_members(Caller& caller, std::optional<Duration> timeout,
                                              const std::stop_token& stop) {
  const std::string machines_path(caller.dialect().machines_path);
  Call call{.kind = Call::Kind::read, .key = {}, .request = {}, .timeout = timeout};
  call.request.method = "GET";
  call.request.target = machines_path;
  const TimePoint end = saturating_add(caller.runtime().now(), timeout.value_or(caller.options().request_timeout));
  auto answered = caller.ask(std::move(call), stop);
  if (!answered) return tl::unexpected<Error>(caller.report(std::move(answered.error())));

  auto urls = read_machines(answered->response);
  if (urls && is_downgrade(caller.options().endpoints, *urls)) {
    urls =
        fail(errc::protocol_error, machines_path + " lists http:// members although all given endpoints are https://");
  }
  if (!urls) {
    Error error = std::move(urls.error());
    error.method = "GET";
    error.key = machines_path;
    error.endpoint = answered->endpoint;
    error.attempts = answered->attempts;
    if (answered->response.status != 200) {
      error.message += "; " + identify_stranger(caller, error.endpoint, end, stop);
    }
    return tl::unexpected<Error>(caller.report(std::move(error)));
  }
  for (const EndpointChange& change : caller.endpoints().replace(*urls)) {
    if (change.kind == EndpointChange::Kind::removed) caller.options().transport->forget(change.endpoint);
    caller.observe([&](Observer& observer) { observer.on_endpoint_change(change); });
  }
  return urls;
}

void keep_members_in_sync(Caller& caller, const std::stop_token& stop) {
  while (caller.runtime().sleep_for(caller.options().sync_interval, stop)) {
    (void)sync_members(caller, std::nullopt, stop);
  }
}

}  // namespace deimos
