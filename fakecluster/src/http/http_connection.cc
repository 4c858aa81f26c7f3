#include "http/http_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <utility>

namespace deimos::fake {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long a connection that was refused is kept for its client to read why, while what it still sends is thrown away:
/// closing at once would reset it.
constexpr milliseconds linger_time{500};

int poll_timeout(steady_clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  return static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 1'000'000'000));
}

}  // namespace

HttpConnection::HttpConnection(internal::Descriptor socket, RequestHandler& handler, const HttpServerOptions& options)
    : socket_(std::move(socket)), handler_(handler), options_(options), parser_(options_.limits) {
  const int on = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto micros = std::chrono::microseconds(options_.limits.answer_time).count();
  const timeval answer_time{static_cast<time_t>(micros / 1'000'000), static_cast<suseconds_t>(micros % 1'000'000)};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &answer_time, sizeof answer_time);
}

void HttpConnection::serve() noexcept {
  try {
    for (bool open = true; open && !finishing_;) {
      const HttpRequestParser::State state = parser_.parse();
      if (state == HttpRequestParser::State::complete) {
        request_deadline_.reset();
        open = serve_request(parser_.take());
      } else if (state == HttpRequestParser::State::refused) {
        refuse(parser_.refusal());
        open = false;
      } else {
        open = (!parser_.take_expectation() || send("HTTP/1.1 100 Continue\r\n\r\n")) && receive(state);
      }
    }
  } catch (const std::exception& error) {
    refuse({500, error.what()});
  }
  if (!reset_) ::shutdown(socket_.get(), SHUT_RDWR);
}

void HttpConnection::finish() noexcept {
  finishing_ = true;
  ::shutdown(socket_.get(), SHUT_RD);  // Wakes whoever waits for bytes or for the client to go.
}

void HttpConnection::abort() noexcept {
  finishing_ = true;
  ::shutdown(socket_.get(), SHUT_RDWR);
}

/// False if the connection is over.
bool HttpConnection::serve_request(HttpRequest received) {
  const auto start = options_.on_access ? steady_clock::now() : steady_clock::time_point();
  HttpAccess access;
  const bool keep_alive = received.keep_alive && !finishing_;
  const auto reply = std::make_shared<HttpReply>(options_.limits.unsent_bytes);
  const RequestHandler::Ticket ticket = handler_.handle(received.request, reply);
  bool complete = false;
  try {
    complete = relay(*reply, received, access, keep_alive);
  } catch (...) {
    handler_.abandon(ticket);
    throw;
  }
  if (!complete) handler_.abandon(ticket);
  if (options_.on_access) {
    access.method = std::move(received.request.method);
    access.target = std::move(received.request.target);
    access.duration = steady_clock::now() - start;
    options_.on_access(access);
  }
  return complete && keep_alive;
}

/// Writes the answer as it comes. False if it could not be completed.
bool HttpConnection::relay(HttpReply& reply, const HttpRequest& received, HttpAccess& access, bool keep_alive) {
  HttpFraming framing = HttpFraming::length;
  for (;;) {
    HttpReply::News news = reply.take();
    out_.clear();
    if (news.head) {
      if (received.request.method == "HEAD") {
        framing = HttpFraming::length_only;
      } else if (news.open) {
        framing = received.may_chunk ? HttpFraming::chunked : HttpFraming::until_close;
      }
      const bool goes_on = keep_alive && framing != HttpFraming::until_close;
      const auto afterwards = !goes_on             ? HttpAfterwards::close
                              : received.may_chunk ? HttpAfterwards::keep_alive
                                                   : HttpAfterwards::keep_alive_said;
      append_http_answer(out_, *news.head, framing, afterwards, date_.text(handler_.now()));
      access.status = news.head->status;
    }
    if (framing == HttpFraming::chunked) append_chunk(out_, news.parts);
    if (framing == HttpFraming::until_close) out_.append(news.parts);
    if (news.ended && framing == HttpFraming::chunked) append_last_chunk(out_);
    if (!send(out_)) return false;
    if (news.broken) {
      reset();
      return false;
    }
    if (news.ended) return framing != HttpFraming::until_close;

    const Waited waited = wait_for_news(reply);
    if (waited == Waited::client_gone) return false;
    if (waited == Waited::finishing) {
      out_.clear();
      if (framing == HttpFraming::chunked) append_last_chunk(out_);
      send(out_);
      return false;
    }
  }
}

HttpConnection::Waited HttpConnection::wait_for_news(HttpReply& reply) const {
  // A client that closes only its half of the connection cannot be told from one that is gone.
  std::array<pollfd, 2> watched{{{socket_.get(), POLLRDHUP, 0}, {reply.descriptor(), POLLIN, 0}}};
  for (;;) {
    if (finishing_) return Waited::finishing;
    ::poll(watched.data(), watched.size(), -1);
    if (watched[1].revents != 0) return Waited::news;
    if (watched[0].revents != 0) return finishing_ ? Waited::finishing : Waited::client_gone;
  }
}

/// Has the client see a connection that broke, not one that was closed, once the socket is.
void HttpConnection::reset() {
  const ::linger at_once{1, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  reset_ = true;
}

/// Blocks for bytes; false if none will come.
bool HttpConnection::receive(HttpRequestParser::State state) {
  if (state == HttpRequestParser::State::partial && !wait_for_bytes()) {
    refuse({408, "the request took too long to arrive"});
    return false;
  }
  std::array<char, 16384> bytes;
  ssize_t count = 0;
  do {
    count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    parser_.append({bytes.data(), static_cast<std::size_t>(count)});
    return true;
  }
  if (count == 0 && state == HttpRequestParser::State::partial && !finishing_) refuse({400, "the request ended early"});
  return false;
}

/// False when the time for a request is up.
bool HttpConnection::wait_for_bytes() {
  if (!request_deadline_) request_deadline_ = steady_clock::now() + options_.limits.request_time;
  pollfd watched{socket_.get(), POLLIN, 0};
  for (;;) {
    const int timeout = poll_timeout(*request_deadline_);
    const int ready = ::poll(&watched, 1, timeout);
    if (ready > 0) return timeout > 0;
    if (ready == 0) return false;
  }
}

void HttpConnection::decline(const char* reason) {
  write_refusal({503, reason});
  send(out_, MSG_DONTWAIT);
  ::shutdown(socket_.get(), SHUT_WR);
}

void HttpConnection::refuse(const HttpRefusal& refusal) {
  write_refusal(refusal);
  if (send(out_)) linger();
}

void HttpConnection::write_refusal(const HttpRefusal& refusal) {
  Response response;
  response.status = refusal.status;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body.append(http_reason(refusal.status)).append(": ").append(refusal.reason).append("\n");
  out_.clear();
  append_http_answer(out_, response, HttpFraming::length, HttpAfterwards::close, date_.text(handler_.now()));
  if (options_.on_access) options_.on_access({.method = {}, .target = {}, .status = refusal.status});
}

/// False if the client did not take it all.
bool HttpConnection::send(std::string_view text, int flags) const {
  while (!text.empty()) {
    const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | flags);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void HttpConnection::linger() const {
  ::shutdown(socket_.get(), SHUT_WR);
  const auto deadline = steady_clock::now() + linger_time;
  std::array<char, 16384> ignored;
  pollfd watched{socket_.get(), POLLIN, 0};
  while (!finishing_ && ::poll(&watched, 1, poll_timeout(deadline)) > 0) {
    if (::recv(socket_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT) <= 0) return;
    if (steady_clock::now() >= deadline) return;
  }
}

}  // namespace deimos::fake
