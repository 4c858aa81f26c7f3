// A server that does what a test says with each connection it gets: for answers that no decent server gives.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace deimos {

/// One connection, seen from the server. Every member may block until RawServer is destroyed.
class RawConnection {
 public:
  explicit RawConnection(int socket) : socket_(socket) {}
  /// Until the head of a request and the body that its Content-Length announces have come; empty if the client left.
  std::string read_request() const;
  /// False if the client left.
  bool send(std::string_view bytes) const;
  /// Until the client has closed the connection.
  void wait_for_close() const;
  /// Ends the connection with a reset.
  void reset() const;
  /// Nobody reads, nobody writes, until `client` is told to go on.
  [[nodiscard]] int socket() const { return socket_; }

 private:
  int socket_;
};

class RawServer {
 public:
  using Handler = std::function<void(const RawConnection&)>;

  /// Runs `handler` in a thread for each connection, and closes the connection after it.
  explicit RawServer(Handler handler, const std::string& host = "127.0.0.1");
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::string url() const;
  /// Connections accepted so far.
  [[nodiscard]] int accepted() const { return accepted_; }
  /// Connections that are open now.
  [[nodiscard]] int open() const { return open_; }

 private:
  void serve();

  Handler handler_;
  std::string host_;
  int listener_;
  int port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> open_ = 0;
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

/// A whole answer with a right Content-Length.
std::string http_answer(std::string_view body, std::string_view status = "200 OK", std::string_view more_headers = "");

}  // namespace deimos
