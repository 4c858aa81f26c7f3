#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <deimos/fake/http_server.h>

#include <deimos/internal/addresses.h>
#include <deimos/internal/descriptor.h>

namespace deimos::fake {
namespace {

std::uint16_t bound_port(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

void set_port(sockaddr& address, std::uint16_t port) {
  if (address.sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6&>(address).sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(port);
  }
}

std::string authority(const std::string& host, std::uint16_t port) {
  const bool bare_ipv6 = host.find(':') != std::string::npos;
  return (bare_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// Bound to an address, so that it can listen.
internal::Descriptor bind_socket(const addrinfo& address) {
  internal::Descriptor socket(::socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
    return internal::Descriptor();
  }
  return socket;
}

}  // namespace

HttpListener::HttpListener(const std::string& host, std::uint16_t port) : host_(host) {
  std::string why;
  const internal::Addresses found = internal::resolve(host, port, true, why);
  if (!found) throw std::invalid_argument("cannot listen on " + authority(host, port) + ": " + why);
  internal::Descriptor socket = bind_socket(*found);
  internal::Descriptor chosen;
  if (socket && port == 0) {
    // A port that the system has chosen is given back when nobody listens any more; one that is asked for is kept.
    chosen = std::move(socket);
    set_port(*found->ai_addr, bound_port(chosen.get()));
    socket = bind_socket(*found);
  }
  if (!socket || ::listen(socket.get(), SOMAXCONN) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot listen on " + authority(host, port));
  }
  port_ = bound_port(socket.get());
  descriptor_ = socket.release();
}

HttpListener::~HttpListener() { internal::Descriptor closed(descriptor_); }

HttpListener::HttpListener(HttpListener&& other) noexcept
    : host_(std::move(other.host_)), port_(other.port_), descriptor_(std::exchange(other.descriptor_, -1)) {}

HttpListener& HttpListener::operator=(HttpListener&& other) noexcept {
  std::swap(host_, other.host_);
  std::swap(port_, other.port_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void HttpListener::accept_connections(bool accepted) const noexcept {
  if (accepted) {
    ::listen(descriptor_, SOMAXCONN);
  } else {
    ::shutdown(descriptor_, SHUT_RD);  // On Linux: no longer a listening socket, but still bound.
  }
}

std::string HttpListener::url() const { return "http://" + authority(host_, port_); }

}  // namespace deimos::fake
