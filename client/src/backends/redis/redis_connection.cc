#include "backends/redis/redis_connection.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos {
namespace {

using Reason = RedisFailure::Reason;

std::string bytes_of(const RedisCommand& command) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : command) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* formatted = nullptr;
  const auto size = redisFormatCommandArgv(&formatted, static_cast<int>(texts.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, void (*)(char*)> owned(formatted, redisFreeCommand);
  return {formatted, static_cast<std::size_t>(size)};
}

Reason reason_of(Failure::Reason reason) {
  return reason == Failure::Reason::closed ? Reason::closed : Reason::cancelled;
}

bool is_end_of_subscription(const RedisValue& value) {
  return value.text_at(0) == "unsubscribe" || value.text_at(0) == "punsubscribe";
}

}  // namespace

RedisConnection::RedisConnection(Runtime& runtime, EndpointUrl address, const RedisOptions& options)
    : runtime_(runtime),
      address_(std::move(address)),
      connect_timeout_(options.connect_timeout),
      link_(runtime),
      reader_(options.max_answer_bytes) {}

void RedisConnection::begin(TimePoint deadline) noexcept {
  deadline_ = deadline;
  link_.begin(deadline, connect_timeout_);
}

void RedisConnection::abort(Reason reason) noexcept {
  link_.abort(reason == Reason::closed ? Failure::Reason::closed : Failure::Reason::cancelled);
}

std::string RedisConnection::address_text() const {
  constexpr std::size_t scheme = 7;  // http://
  return address_.text().substr(scheme);
}

RedisFailure RedisConnection::failed(Delivery delivery, std::string message) const {
  if (const auto aborted = link_.aborted()) return {reason_of(*aborted), delivery, std::move(message)};
  return {link_.timed_out() ? Reason::timed_out : Reason::unreachable, delivery, std::move(message)};
}

RedisResult<std::vector<RedisValue>> RedisConnection::open(const std::vector<RedisCommand>& greeting) {
  const TimePoint by = std::min(deadline_, saturating_add(runtime_.now(), connect_timeout_));
  socket_.reset(link_.open(address_));
  if (!socket_) {
    broken_ = true;
    return tl::unexpected(failed(Delivery::not_sent, link_.why()));
  }
  link_.limit(by);
  std::string bytes;
  for (const RedisCommand& command : greeting) bytes += bytes_of(command);
  std::vector<RedisValue> answers;
  RedisResult<void> sent = send(bytes);
  while (sent && answers.size() < greeting.size()) {
    RedisResult<RedisValue> answer = receive();
    if (!answer) {
      sent = tl::unexpected(std::move(answer.error()));
    } else {
      answers.push_back(std::move(*answer));
      // Whatever comes behind it, if it comes at all: it says why.
      if (answers.back().is_error()) break;
    }
  }
  link_.limit(deadline_);
  if (sent) return answers;
  RedisFailure failure = std::move(sent.error());
  failure.delivery = Delivery::not_sent;  // Nothing of any consequence.
  if (failure.reason == Reason::nonsense) failure.reason = Reason::refused;
  if (failure.reason == Reason::timed_out)
    failure.message = "it took the connection and answers nothing: is it Redis, and at work?";
  if (failure.reason == Reason::refused)
    failure.message = "no Redis is there, or one that wants TLS: " + failure.message;
  return tl::unexpected(std::move(failure));
}

RedisResult<void> RedisConnection::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t size = ::send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size >= 0) {
      sent += static_cast<std::size_t>(size);
    } else if (errno != EINTR && errno != EAGAIN) {
      const int error = errno;
      broken_ = true;
      return tl::unexpected(
          failed(Delivery::not_sent, "the connection broke: " + std::generic_category().message(error)));
    } else if (errno == EAGAIN && !link_.wait_writable(socket_.get())) {
      broken_ = true;
      return tl::unexpected(failed(Delivery::not_sent, "it takes nothing"));
    }
  }
  return {};
}

RedisResult<bool> RedisConnection::read_some(bool wait) {
  if (wait && !link_.wait_readable(socket_.get())) {
    return tl::unexpected(failed(Delivery::unknown, "no answer in time"));
  }
  std::array<char, 16384> buffer{};
  const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (size > 0) {
    reader_.feed({buffer.data(), static_cast<std::size_t>(size)});
    return true;
  }
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return false;
  const std::string why = size == 0 ? "the server closed the connection" : std::generic_category().message(errno);
  broken_ = true;
  return tl::unexpected(
      failed(Delivery::unknown, why + (reader_.is_amid_value() ? " in the midst of its answer" : "")));
}

RedisResult<RedisValue> RedisConnection::receive() {
  for (;;) {
    auto value = reader_.next();
    if (!value) {
      broken_ = true;
      return tl::unexpected(RedisFailure{Reason::nonsense, Delivery::unknown, std::move(value.error())});
    }
    if (*value) {
      if (old_subscriptions_ == 0) return std::move(**value);
      if (is_end_of_subscription(**value)) --old_subscriptions_;
      continue;
    }
    const RedisResult<bool> came = read_some(true);
    if (!came) return tl::unexpected(came.error());
  }
}

RedisResult<RedisValue> RedisConnection::ask(const RedisCommand& command) {
  DEIMOS_ASSERT(!subscribed_, "a connection that listens asks nothing");
  if (const RedisResult<void> sent = send(bytes_of(command)); !sent) return tl::unexpected(sent.error());
  RedisResult<RedisValue> answer = receive();
  if (!answer) broken_ = true;  // What is still to come would be taken for the next one's answer.
  return answer;
}

RedisResult<void> RedisConnection::subscribe(const std::string& channel, bool is_pattern) {
  const RedisResult<RedisValue> answer = ask({is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE", channel});
  if (!answer) return tl::unexpected(answer.error());
  if (answer->is_error()) return tl::unexpected(refusal_of(answer->text).failure);
  if (answer->text_at(0) != (is_pattern ? "psubscribe" : "subscribe")) {
    broken_ = true;
    return tl::unexpected(RedisFailure{Reason::nonsense, Delivery::unknown, "no answer to a subscription"});
  }
  subscribed_ = true;
  pattern_ = is_pattern;
  return {};
}

RedisResult<std::optional<RedisMessage>> RedisConnection::next_message(TimePoint until) {
  DEIMOS_ASSERT(subscribed_, "who listens has subscribed");
  link_.limit(until);
  for (;;) {
    auto value = reader_.next();
    if (!value) {
      broken_ = true;
      return tl::unexpected(RedisFailure{Reason::nonsense, Delivery::unknown, std::move(value.error())});
    }
    if (*value) {
      const std::size_t first = pattern_ ? 2 : 1;
      const bool is_message = (*value)->text_at(0) == (pattern_ ? "pmessage" : "message");
      if (!is_message) continue;  // The confirmation of an earlier end.
      return RedisMessage{std::string((*value)->text_at(first)), std::string((*value)->text_at(first + 1))};
    }
    const RedisResult<bool> came = read_some(true);
    if (!came) {
      if (came.error().reason == Reason::timed_out && !broken_) return std::optional<RedisMessage>();
      broken_ = true;
      return tl::unexpected(came.error());
    }
  }
}

void RedisConnection::unsubscribe() {
  if (!std::exchange(subscribed_, false) || broken_ || link_.aborted()) return;
  link_.limit(saturating_add(runtime_.now(), connect_timeout_));
  if (send(bytes_of({pattern_ ? "PUNSUBSCRIBE" : "UNSUBSCRIBE"}))) ++old_subscriptions_;
}

void RedisConnection::skip_old_messages() {
  while (old_subscriptions_ > 0) {
    auto value = reader_.next();
    if (!value) {
      broken_ = true;
      return;
    }
    if (*value) {
      if (is_end_of_subscription(**value)) --old_subscriptions_;
      continue;
    }
    const RedisResult<bool> came = read_some(false);
    if (!came || !*came) return;
  }
}

bool RedisConnection::can_go_on() {
  if (broken_ || !socket_ || subscribed_ || link_.aborted()) return false;
  skip_old_messages();
  if (broken_) return false;
  return old_subscriptions_ > 0 || (!reader_.is_amid_value() && !link_.is_disturbed());
}

}  // namespace deimos
