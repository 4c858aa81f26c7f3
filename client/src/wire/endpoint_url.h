// The address of an endpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace deimos {

/// `http://HOST[:PORT]` or `https://…`, taken apart.
struct EndpointUrl {
  bool tls = false;
  std::string host;  ///< A name or an address; IPv6 without its brackets. Lower case.
  std::string zone;  ///< Of an IPv6 address that means something only on one link: `eth0` of `fe80::1%eth0`.
  std::uint16_t port = 0;

  /// The error is a sentence that quotes `text`.
  [[nodiscard]] static tl::expected<EndpointUrl, std::string> parse(std::string_view text);
  /// Canonical: the port always given, no slash at the end.
  [[nodiscard]] std::string text() const;
};

}  // namespace deimos
