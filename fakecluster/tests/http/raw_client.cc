#include "http/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <thread>
#include <utility>

namespace deimos::fake {

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval patience{10, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ::close(socket_);
    throw std::runtime_error("cannot connect");
  }
}

RawClient::~RawClient() {
  if (socket_ >= 0) ::close(socket_);
}

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void RawClient::finish_sending() { ::shutdown(socket_, SHUT_WR); }

Response RawClient::answer(bool without_body) {
  Response response = head();
  if (!without_body) body(response);
  return response;
}

Response RawClient::head() {
  const std::string status_line = take_line();
  if (!status_line.starts_with("HTTP/1.1 ")) throw std::runtime_error("no status line: '" + status_line + "'");
  Response response;
  response.status = std::stoi(status_line.substr(9));
  for (std::string line = take_line(); !line.empty(); line = take_line()) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) throw std::runtime_error("no header: '" + line + "'");
    response.headers.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  return response;
}

void RawClient::body(Response& response) {
  const auto header = [&](std::string_view name) -> const std::string* {
    for (const Header& each : response.headers) {
      if (each.name == name) return &each.value;
    }
    return nullptr;
  };
  if (const std::string* length = header("Content-Length")) {
    response.body = take(std::stoul(*length));
  } else if (header("Transfer-Encoding") != nullptr) {
    for (std::string next = chunk(); !next.empty(); next = chunk()) response.body += next;
  } else {
    response.body = rest();
  }
}

std::string RawClient::chunk() {
  std::string text = take(std::stoul(take_line(), nullptr, 16));
  if (text.empty()) {
    while (!take_line().empty()) {
    }  // Trailers.
  } else if (!take_line().empty()) {
    throw std::runtime_error("no end of a chunk");
  }
  return text;
}

bool RawClient::is_silent() const {
  char byte = 0;
  return received_.empty() && ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

std::string RawClient::rest() {
  while (receive()) {
  }
  return std::exchange(received_, {});
}

std::size_t RawClient::take_some(std::size_t most) {
  std::string bytes(most, '\0');
  const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (count < 0) throw std::runtime_error("nothing came, or the connection was reset");
  return static_cast<std::size_t>(count);
}

bool RawClient::receive() {
  std::array<char, 65536> bytes;
  const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
  if (count < 0) throw std::runtime_error("nothing came, or the connection was reset");
  received_.append(bytes.data(), static_cast<std::size_t>(count));
  return count > 0;
}

std::string RawClient::take(std::size_t count) {
  while (received_.size() < count) {
    if (!receive()) throw std::runtime_error("the answer ended early");
  }
  if (received_.size() == count) return std::exchange(received_, {});
  std::string text = received_.substr(0, count);
  received_.erase(0, count);
  return text;
}

std::string RawClient::take_line() {
  std::size_t end = 0;
  while ((end = received_.find("\r\n")) == std::string::npos) {
    if (!receive()) throw std::runtime_error("the answer ended early: '" + received_ + "'");
  }
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 2);
  return line;
}

std::string text_of(const Request& request) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const Header& header : request.headers) text += header.name + ": " + header.value + "\r\n";
  if (!request.content_type.empty()) text += "Content-Type: " + request.content_type + "\r\n";
  if (!request.body.empty()) text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

std::string get(std::string_view target) {
  Request request;
  request.method = "GET";
  request.target = target;
  return text_of(request);
}

std::string put(std::string_view target, std::string_view form) {
  Request request;
  request.method = "PUT";
  request.target = target;
  request.body = form;
  request.content_type = "application/x-www-form-urlencoded";
  return text_of(request);
}

bool eventually(const std::function<bool()>& so) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!so()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // NOLINT(sleep)
  }
  return true;
}

}  // namespace deimos::fake
