#include "http/http_connection.h"

#include <sys/socket.h>

#include <exception>
#include <utility>

#include <boost/asio/post.hpp>

namespace deimos::fake {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::milliseconds;

/// How long a connection that was refused is kept for its client to read why, while what it still sends is thrown away:
/// closing at once would reset it.
constexpr milliseconds linger_time{500};
/// What a client may send ahead while it waits for an answer; one that sends more is cut.
constexpr std::size_t pipelined_bytes = std::size_t{1} << 20;

}  // namespace

HttpConnection::HttpConnection(Socket socket, HttpServing& serving, std::function<void(HttpConnection&)> on_end)
    : socket_(std::move(socket)),
      serving_(serving),
      number_(++serving.last_connection),
      on_end_(std::move(on_end)),
      parser_(serving.options.limits),
      timer_(socket_.get_executor()) {
  error_code ignored;  // Of a connection that has broken already; reading says so.
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
}

void HttpConnection::serve() {
  guarded([this] { read_on(); });
}

void HttpConnection::decline(const char* reason) { refuse({503, reason}); }

void HttpConnection::finish() {
  finishing_ = true;
  if (phase_ == Phase::reading || phase_ == Phase::lingering) return end();
  if (phase_ == Phase::answering && !awaits_writable_) cut_short();
}

void HttpConnection::abort() noexcept { ::shutdown(socket_.native_handle(), SHUT_RDWR); }

/// Whatever goes wrong within a step costs the connection, and is said to the client if it was not being answered.
template <typename Step>
void HttpConnection::guarded(Step step) {
  try {
    step();
  } catch (const std::exception& error) {
    const bool in_an_answer = phase_ == Phase::answering && exchange_.status != 0;
    if (in_an_answer || phase_ == Phase::over) return end();  // There is nowhere to say it.
    if (phase_ == Phase::answering) end_exchange(false);
    refuse({500, error.what()});
  }
}

/// Has the requests answered that are here, until one must be waited for.
void HttpConnection::read_on() {
  while (phase_ == Phase::reading) {
    if (finishing_) return end();
    switch (parser_.parse()) {
      case HttpRequestParser::State::complete:
        clear_timer();
        begin_exchange(parser_.take());
        break;
      case HttpRequestParser::State::refused: return refuse(parser_.refusal());
      case HttpRequestParser::State::partial:
        if (!deadline_) set_timer(serving_.options.limits.request_time);
        if (parser_.take_expectation()) {
          out_.text() = "HTTP/1.1 100 Continue\r\n\r\n";
          if (!flush()) return;
        }
        return await_bytes();
      case HttpRequestParser::State::idle: return await_bytes();
    }
  }
}

void HttpConnection::begin_exchange(HttpRequest received) {
  exchange_ = {.received = std::move(received)};
  if (serving_.options.on_access) exchange_.start = Clock::now();
  auto on_news = [weak = weak_from_this(), executor = socket_.get_executor()] {
    asio::post(executor, [weak] {
      const auto self = weak.lock();
      if (!self) return;
      self->guarded([&] {
        self->relay();
        self->read_on();
      });
    });
  };
  exchange_.reply = std::make_shared<HttpReply>(serving_.options.limits.unsent_bytes, std::move(on_news), number_);
  phase_ = Phase::answering;
  exchange_.ticket = serving_.handler.handle(exchange_.received.request, exchange_.reply);
  relay();
}

/// Writes what has come of the answer. What comes meanwhile is left with the reply, which counts it.
void HttpConnection::relay() {
  if (phase_ != Phase::answering) return;
  exchange_.has_news = awaits_writable_;
  if (awaits_writable_) return;
  write_news(exchange_.reply->take());
  if (flush()) on_flushed();
}

void HttpConnection::write_news(HttpReply::News news) {
  HttpFraming& framing = exchange_.framing;
  const HttpRequest& received = exchange_.received;
  if (news.head) {
    if (received.request.method == "HEAD") {
      framing = HttpFraming::length_only;
    } else if (news.open) {
      framing = received.may_chunk ? HttpFraming::chunked : HttpFraming::until_close;
    }
    const bool goes_on = received.keep_alive && !finishing_ && framing != HttpFraming::until_close;
    const auto afterwards = !goes_on             ? HttpAfterwards::close
                            : received.may_chunk ? HttpAfterwards::keep_alive
                                                 : HttpAfterwards::keep_alive_said;
    exchange_.status = news.head->status;
    append_http_answer(out_, *std::move(news.head), framing, afterwards, serving_.date.text(serving_.handler.now()));
  }
  for (const HttpOutput::Shared& part : news.parts) {
    if (framing == HttpFraming::chunked) append_chunk(out_, part);
    if (framing == HttpFraming::until_close) out_.share(part);
  }
  if (news.ended && framing == HttpFraming::chunked) append_last_chunk(out_);
  exchange_.ended = news.ended;
  exchange_.broken = news.broken;
}

/// Completes an answer whose end has not come.
void HttpConnection::cut_short() {
  exchange_.cut_short = true;
  if (exchange_.framing == HttpFraming::chunked) append_last_chunk(out_);
  if (flush()) on_flushed();
}

void HttpConnection::end_exchange(bool complete) {
  exchange_.reply->detach();
  if (!complete) serving_.handler.abandon(exchange_.ticket);
  if (!serving_.options.on_access) return;
  Request& request = exchange_.received.request;
  serving_.options.on_access({.method = std::move(request.method),
                              .target = std::move(request.target),
                              .status = exchange_.status,
                              .duration = Clock::now() - exchange_.start});
}

void HttpConnection::refuse(const HttpRefusal& refusal) {
  phase_ = Phase::refusing;
  Response response;
  response.status = refusal.status;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body.append(http_reason(refusal.status)).append(": ").append(refusal.reason).append("\n");
  out_.clear();
  clear_timer();
  append_http_answer(out_, std::move(response), HttpFraming::length, HttpAfterwards::close,
                     serving_.date.text(serving_.handler.now()));
  if (serving_.options.on_access) serving_.options.on_access({.method = {}, .target = {}, .status = refusal.status});
  if (flush()) on_flushed();
}

void HttpConnection::linger() {
  if (finishing_) return end();
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  phase_ = Phase::lingering;
  set_timer(linger_time);
  await_bytes();
}

void HttpConnection::end() {
  if (phase_ == Phase::over) return;
  const bool answering = phase_ == Phase::answering;
  phase_ = Phase::over;
  if (answering) end_exchange(false);
  clear_timer();
  const auto self = shared_from_this();
  on_end_(*this);
  error_code ignored;
  socket_.close(ignored);
}

// ---- the socket ----------------------------------------------------------------------------------------------------

void HttpConnection::await_bytes() {
  if (std::exchange(awaits_bytes_, true)) return;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](error_code /*error*/) {
    self->awaits_bytes_ = false;
    self->guarded([&] { self->on_readable(); });
  });
}

void HttpConnection::on_readable() {
  if (phase_ == Phase::over || phase_ == Phase::refusing) return;
  error_code error;
  const std::size_t count = socket_.read_some(asio::buffer(serving_.bytes), error);
  if (error == asio::error::would_block) return await_bytes();
  if (error) return on_client_finished();
  on_bytes(count);
}

void HttpConnection::on_bytes(std::size_t count) {
  if (phase_ != Phase::lingering) parser_.append({serving_.bytes.data(), count});
  if (phase_ == Phase::reading) return read_on();
  if (phase_ == Phase::answering && parser_.buffered() > pipelined_bytes) return end();
  await_bytes();
}

/// A client that closes only its half of the connection cannot be told from one that is gone.
void HttpConnection::on_client_finished() {
  const bool within_request = phase_ == Phase::reading && parser_.parse() == HttpRequestParser::State::partial;
  if (within_request) return refuse({400, "the request ended early"});
  end();
}

/// True if all is written; else it goes on by itself, or the connection is over.
bool HttpConnection::flush() {
  while (!out_.empty()) {
    error_code error;
    const std::size_t count = socket_.write_some(out_.buffers(), error);
    out_.written(count);
    taken_ += count;
    if (error == asio::error::would_block) {
      await_writable();
      return false;
    }
    if (error) {
      end();
      return false;
    }
  }
  return true;
}

void HttpConnection::await_writable() {
  // A client that takes a byte now and then gets no more time by it.
  if (!std::exchange(awaits_writable_, true)) taken_ = serving_.options.limits.answer_bytes;
  if (taken_ >= serving_.options.limits.answer_bytes) {
    taken_ = 0;
    set_timer(serving_.options.limits.answer_time);
  }
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](error_code /*error*/) {
    if (self->phase_ == Phase::over) return;
    self->guarded([&] {
      if (!self->flush()) return;
      self->awaits_writable_ = false;
      self->clear_timer();
      self->on_flushed();
      self->read_on();
    });
  });
}

void HttpConnection::on_flushed() {
  if (phase_ == Phase::refusing) return linger();
  if (phase_ != Phase::answering) return;
  if (exchange_.broken) {
    // The client sees a connection that broke, not one that was closed.
    const ::linger at_once{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    end();
  } else if (exchange_.ended) {
    end_exchange(true);
    const bool goes_on = exchange_.received.keep_alive && exchange_.framing != HttpFraming::until_close;
    exchange_ = {};
    phase_ = Phase::reading;
    if (!goes_on) end();
  } else if (exchange_.cut_short) {
    end();
  } else if (finishing_) {
    cut_short();
  } else if (exchange_.has_news) {
    relay();
  } else {
    await_bytes();  // To see the client go.
  }
}

// ---- the timer -----------------------------------------------------------------------------------------------------

void HttpConnection::set_timer(Clock::duration time) {
  deadline_ = Clock::now() + time;
  timer_.expires_at(*deadline_);
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->on_timer();
  });
}

void HttpConnection::clear_timer() {
  if (!std::exchange(deadline_, std::nullopt)) return;
  timer_.cancel();
}

void HttpConnection::on_timer() {
  if (!deadline_ || Clock::now() < *deadline_) return;  // Cleared, or set anew, when this was on its way already.
  deadline_.reset();
  if (phase_ == Phase::reading && !awaits_writable_) {
    guarded([this] { refuse({408, "the request took too long to arrive"}); });
  } else {
    end();
  }
}

}  // namespace deimos::fake
