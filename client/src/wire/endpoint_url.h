// The address of an endpoint.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include <deimos/internal/export.h>

namespace deimos {

/// `http://HOST[:PORT]` or `https://…`, taken apart.
struct DEIMOS_EXPORT EndpointUrl {
  bool tls = false;
  std::string host;  ///< A name or an address; IPv6 without its brackets. Lower case.
  std::string zone;  ///< Of an IPv6 address that means something only on one link: `eth0` of `fe80::1%eth0`.
  std::uint16_t port = 0;

  /// The error is a sentence that quotes `text`.
  [[nodiscard]] static tl::expected<EndpointUrl, std::string> parse(std::string_view text);
  /// The part `rest` of `text`, behind the scheme.
  [[nodiscard]] static tl::expected<EndpointUrl, std::string> parse_host(std::string_view text, std::string_view rest,
                                                                         std::uint16_t default_port);
  /// Removes `scheme`, in lower case, from the front of `text`, case ignored; false if it is not there.
  [[nodiscard]] static bool take_scheme(std::string_view& text, std::string_view scheme) noexcept;
  /// A sentence that quotes `text`.
  [[nodiscard]] static tl::unexpected<std::string> refused(std::string_view text, std::string_view why);
  /// Canonical: the port always given, no slash at the end.
  [[nodiscard]] std::string text() const;
};

}  // namespace deimos
