#include <deimos/internal/addresses.h>

#include <sys/socket.h>

namespace deimos::internal {

Addresses resolve(const std::string& host, std::uint16_t port, bool passive, std::string& why) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error == 0) return Addresses(found);
  why = ::gai_strerror(error);
  return nullptr;
}

}  // namespace deimos::internal
