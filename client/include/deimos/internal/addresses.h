// The addresses that a host name stands for. Not part of the public interface.
#pragma once

#include <netdb.h>

#include <cstdint>
#include <memory>
#include <string>

#include <deimos/internal/export.h>

namespace deimos::internal {

struct FreeAddresses {
  void operator()(addrinfo* addresses) const noexcept { ::freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

/// The TCP addresses of `host` and `port`, to connect to or (`passive`) to listen on. Null, and the reason in `why`, if
/// there are none. Blocks on the system's resolver.
[[nodiscard]] DEIMOS_EXPORT Addresses resolve(const std::string& host, std::uint16_t port, bool passive,
                                              std::string& why);

}  // namespace deimos::internal
