// One client's connection: reads its requests, has them answered, writes the answers, one after the other. It lives in
// the server's thread, never waits, and goes on when the socket, the answer or its timer calls.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deimos/fake/http_server_options.h>
#include <deimos/fake/request_handler.h>

#include "http/http_answer.h"
#include "http/http_output.h"
#include "http/http_reply.h"
#include "http/http_request_parser.h"

namespace deimos::fake {

/// What the connections of a server share; of its thread.
struct HttpServing {
  RequestHandler& handler;
  const HttpServerOptions& options;
  HttpDate date = {};
  std::uint64_t last_connection = 0;                   ///< Counts them.
  std::array<char, std::size_t{64} << 10> bytes = {};  ///< Just received. One for all: an idle connection needs none.
};

/// Members are for the server's thread, but for abort().
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  /// `on_end` is called once, when it is over, before its socket is closed. `serving` must outlive it.
  HttpConnection(Socket socket, HttpServing& serving, std::function<void(HttpConnection&)> on_end);

  void serve();
  /// Instead of serve(): answers 503 with the reason.
  void decline(const char* reason);
  /// Ends it after the answer that is under way; a watch is completed.
  void finish();
  /// Breaks it whatever is under way. From any thread, until `on_end` was called.
  void abort() noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Phase {
    reading,    ///< A request, or waiting for one.
    answering,  ///< exchange_ is under way.
    refusing,   ///< What is written is the last answer.
    lingering,  ///< The client may read the last answer; what it still sends is thrown away.
    over,
  };
  /// One request and its answer.
  struct Exchange {
    HttpRequest received = {};
    std::shared_ptr<HttpReply> reply = nullptr;
    RequestHandler::Ticket ticket = 0;
    HttpFraming framing = HttpFraming::length;
    bool has_news = false;  ///< Came while what came before was written.
    bool ended = false;
    bool broken = false;
    bool cut_short = false;  ///< By finish().
    Clock::time_point start = {};
    int status = 0;
  };

  template <typename Step>
  void guarded(Step step);
  void read_on();
  void begin_exchange(HttpRequest received);
  void relay();
  void write_news(HttpReply::News news);
  void cut_short();
  void end_exchange(bool complete);
  void refuse(const HttpRefusal& refusal);
  void linger();
  void end();

  void await_bytes();
  void on_readable();
  void on_bytes(std::size_t count);
  void on_client_finished();
  bool flush();
  void await_writable();
  void on_flushed();
  void set_timer(Clock::duration time);
  void clear_timer();
  void on_timer();

  Socket socket_;
  HttpServing& serving_;
  const std::uint64_t number_;
  std::function<void(HttpConnection&)> on_end_;
  HttpRequestParser parser_;
  Phase phase_ = Phase::reading;
  Exchange exchange_;
  HttpOutput out_;
  std::size_t taken_ = 0;  // Of what is written, by the client, since the timer was set for it.
  bool awaits_bytes_ = false;
  bool awaits_writable_ = false;
  bool finishing_ = false;
  std::optional<Clock::time_point> deadline_;  // Of the timer, while it counts.
  boost::asio::steady_timer timer_;
};

}  // namespace deimos::fake
