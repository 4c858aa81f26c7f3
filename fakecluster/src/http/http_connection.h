// One client's connection: reads its requests, has them answered, writes the answers, one after the other.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include <deimos/fake/http_server_options.h>
#include <deimos/fake/request_handler.h>

#include <deimos/internal/descriptor.h>
#include "http/http_answer.h"
#include "http/http_reply.h"
#include "http/http_request_parser.h"

namespace deimos::fake {

class HttpConnection {
 public:
  /// The handler and the options must outlive it.
  HttpConnection(internal::Descriptor socket, RequestHandler& handler, const HttpServerOptions& options);

  /// Blocks until the connection is over. Called once.
  void serve() noexcept;
  /// Instead of serve(): answers 503 with the reason, without reading or waiting.
  void decline(const char* reason);
  /// Ends it after the answer that is under way; a watch is completed. From any thread; does not wait.
  void finish() noexcept;
  /// Ends it whatever is under way. From any thread; does not wait.
  void abort() noexcept;

 private:
  enum class Waited { news, client_gone, finishing };

  bool serve_request(HttpRequest received);
  bool relay(HttpReply& reply, const HttpRequest& received, HttpAccess& access, bool keep_alive);
  Waited wait_for_news(HttpReply& reply) const;
  void reset();
  bool receive(HttpRequestParser::State state);
  bool wait_for_bytes();
  void refuse(const HttpRefusal& refusal);
  void write_refusal(const HttpRefusal& refusal);
  bool send(std::string_view text, int flags = 0) const;
  void linger() const;

  internal::Descriptor socket_;
  RequestHandler& handler_;
  const HttpServerOptions& options_;
  HttpRequestParser parser_;
  HttpDate date_;
  std::optional<std::chrono::steady_clock::time_point> request_deadline_;  // Once a part of a request has come.
  std::string out_;
  bool reset_ = false;
  std::atomic<bool> finishing_ = false;
};

}  // namespace deimos::fake
