#include "wire/endpoint_url.h"

#include <algorithm>
#include <charconv>

#include <deimos/internal/ascii.h>

namespace deimos {
namespace {

/// Removes `prefix`, in lower case, from the front of `text`, case ignored.
bool take(std::string_view& text, std::string_view prefix) noexcept {
  if (text.size() < prefix.size()) return false;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (internal::to_lower(text[i]) != prefix[i]) return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool is_host_character(char c, bool ipv6) noexcept {
  const bool digit = c >= '0' && c <= '9';
  if (ipv6) return digit || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
  return digit || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
}

}  // namespace

tl::unexpected<std::string> EndpointUrl::refused(std::string_view text, std::string_view why) {
  return tl::unexpected<std::string>("the endpoint `" + std::string(text.substr(0, 100)) + "` " + std::string(why));
}

bool EndpointUrl::take_scheme(std::string_view& text, std::string_view scheme) noexcept { return take(text, scheme); }

tl::expected<EndpointUrl, std::string> EndpointUrl::parse(std::string_view text) {
  std::string_view rest = text;
  const bool tls = take(rest, "https://");
  if (!tls && !take(rest, "http://")) return refused(text, "does not begin with http:// or https://");
  auto url = parse_host(text, rest, tls ? 443 : 80);
  if (url) url->tls = tls;
  return url;
}

tl::expected<EndpointUrl, std::string> EndpointUrl::parse_host(std::string_view text, std::string_view rest,
                                                               std::uint16_t default_port) {
  const auto refused = [&](std::string_view why) { return EndpointUrl::refused(text, why); };
  EndpointUrl url;
  if (rest.find('@') != std::string_view::npos) return refused("contains credentials; give them as an option");
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != std::string_view::npos) return refused("has a path, which is not supported");

  const bool ipv6 = !rest.empty() && rest.front() == '[';
  std::size_t host_end = rest.find(':');
  std::string_view host = rest.substr(0, host_end);
  if (ipv6) {
    host_end = rest.find(']');
    if (host_end == std::string_view::npos) return refused("has a `[` without a `]`");
    host = rest.substr(1, host_end - 1);
    ++host_end;
  }
  if (const std::size_t percent = host.find('%'); ipv6 && percent != std::string_view::npos) {
    url.zone = host.substr(percent + 1);
    host = host.substr(0, percent);
    if (url.zone.starts_with("25")) url.zone.erase(0, 2);  // RFC 6874 has the `%` itself encoded.
    const auto is_of_zone = [](char c) { return is_host_character(internal::to_lower(c), false); };
    if (url.zone.empty() || !std::all_of(url.zone.begin(), url.zone.end(), is_of_zone)) {
      return refused("has a zone with characters no network interface has");
    }
  }
  for (const char c : host) {
    url.host += internal::to_lower(c);
    if (!is_host_character(url.host.back(), ipv6)) return refused("has a host with characters no host has");
  }
  if (url.host.empty()) return refused("has no host");

  std::string_view port = host_end < rest.size() ? rest.substr(host_end) : std::string_view();
  url.port = default_port;
  if (!port.empty()) {
    if (port.front() != ':') return refused("has something behind its host that is no port");
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) {
      return refused("has a port that is no number from 1 to 65535");
    }
  }
  return url;
}

std::string EndpointUrl::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (ipv6 ? "[" + host + (zone.empty() ? "" : "%" + zone) + "]" : host) + ":" +
         std::to_string(port);
}

}  // namespace deimos
