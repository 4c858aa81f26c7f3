#include "http/raw_server.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace deimos {

std::string RawConnection::read_request() const {
  std::string request;
  std::size_t wanted = std::string::npos;
  char buffer[4096];
  while (request.size() < wanted) {
    const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
    if (size <= 0) return {};
    request.append(buffer, static_cast<std::size_t>(size));
    const std::size_t head = request.find("\r\n\r\n");
    if (wanted != std::string::npos || head == std::string::npos) continue;
    const std::size_t length = request.find("Content-Length: ");
    wanted = head + 4 + (length < head ? std::stoul(request.substr(length + 16)) : 0);
  }
  return request;
}

bool RawConnection::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void RawConnection::wait_for_close() const {
  char buffer[4096];
  while (::recv(socket_, buffer, sizeof buffer, 0) > 0) {
  }
}

void RawConnection::reset() const {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

RawServer::RawServer(Handler handler, const std::string& host) : handler_(std::move(handler)), host_(host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* address = nullptr;
  if (::getaddrinfo(host.c_str(), "0", &hints, &address) != 0) throw std::runtime_error("no address " + host);
  listener_ = ::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool bound = ::bind(listener_, address->ai_addr, address->ai_addrlen) == 0 && ::listen(listener_, 128) == 0;
  ::freeaddrinfo(address);
  sockaddr_in6 name{};
  socklen_t size = sizeof name;
  if (!bound || ::getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size) != 0) {
    ::close(listener_);
    throw std::runtime_error("cannot listen at " + host);
  }
  port_ = ntohs(name.sin6_port);  // At the same place for both families.
  acceptor_ = std::jthread([this] { serve(); });
}

RawServer::~RawServer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  threads_.clear();
  for (const int socket : sockets_) ::close(socket);
  ::close(listener_);
}

void RawServer::serve() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    ++accepted_;
    ++open_;
    const std::lock_guard lock(mutex_);
    threads_.emplace_back([this, socket] {
      handler_(RawConnection(socket));
      const std::lock_guard closing(mutex_);
      std::erase(sockets_, socket);
      ::close(socket);
      --open_;
    });
    sockets_.push_back(socket);
  }
}

std::string RawServer::url() const {
  const std::string host = host_.find(':') == std::string::npos ? host_ : "[" + host_ + "]";
  return "http://" + host + ":" + std::to_string(port_);
}

std::string http_answer(std::string_view body, std::string_view status, std::string_view more_headers) {
  return "HTTP/1.1 " + std::string(status) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_headers) + "\r\n" + std::string(body);
}

}  // namespace deimos
