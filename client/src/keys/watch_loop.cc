#include "keys/watch_loop.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/broken_rule.h>

#include "keys/key_value_call.h"
#include "keys/store_call.h"
#include "runtime/stop_either.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

/// A poll that ends sooner without an event did not wait: ask again, but not at once.
constexpr Duration shortest_poll = 100ms;

bool is_refusal_of_the_store(const Error& error) noexcept {
  return error.code.category() == error_category() && error.code.value() < static_cast<int>(errc::invalid_argument);
}

bool cannot_heal(const Error& error) noexcept {
  return error.code == errc::cancelled || error.code == errc::closed || error.code == errc::invalid_key ||
         error.code == errc::invalid_argument;
}

/// Whoever has answered so often, and never as Deimos does, is not one.
constexpr int most_strange_answers = 5;

/// The state of the watched key: an absent key is a state too.
struct Reading {
  std::optional<Node> state;
  std::uint64_t index = 0;
};

Result<Reading> read_state(Caller& caller, const std::string& key, bool recursive, const std::stop_token& stop) {
  auto answer = ask_store(caller, get_call(key, {.recursive = recursive}), stop);
  Reading reading;
  if (answer) {
    reading = {.state = std::move(answer->node), .index = answer->index};
  } else if (is_refusal_of_the_store(answer.error())) {
    reading.index = answer.error().index;
  } else {
    return tl::unexpected<Error>(std::move(answer.error()));
  }
  if (reading.index == 0) return fail(errc::protocol_error, "the answer to a GET lacks X-Deimos-Index");
  return reading;
}

}  // namespace

WatchLoop::WatchLoop(std::shared_ptr<Caller> caller, std::string_view key, WatchOptions options)
    : caller_(std::move(caller)),
      key_(key),
      options_(std::move(options)),
      next_(options_.from_index),
      backoff_(caller_->options().retry) {
  if (options_.poll_timeout && *options_.poll_timeout < 1ms) {
    std::string why = internal::broken_rule("poll_timeout must be at least 1ms", *options_.poll_timeout);
    error_ = fail(errc::invalid_argument, std::move(why)).value();
  }
}

void WatchLoop::start(const std::stop_token& stop) {
  if (!error_ && next_ == 0) learn_now(stop);
}

std::optional<Event> WatchLoop::next(const std::stop_token& stop) {
  while (!error_) {
    if (next_ == 0) {
      learn_now(stop);
    } else if (auto event = poll(stop)) {
      return event;
    }
  }
  return std::nullopt;
}

std::optional<Event> WatchLoop::poll(const std::stop_token& stop) {
  const Duration longest = options_.poll_timeout.value_or(caller_->options().poll_timeout);
  const TimePoint asked = caller_->runtime().now();
  auto polled =
      wait_for_event(*caller_, key_, {.from_index = next_, .recursive = options_.recursive, .timeout = longest}, stop);
  if (!polled) {
    if (polled.error().code == errc::history_cleared) {
      heard_ = true;
      bridge_gap(stop);
    } else {
      failed(std::move(polled.error()), stop);
    }
    return std::nullopt;
  }
  heard_ = true;
  std::optional<Event> event = std::move(*polled);
  // An event from before what was asked for has been handed out already.
  if (event && event->node.modified_index >= next_) {
    next_ = event->node.modified_index + 1;
    backoff_.reset();
    return event;
  }
  if (event || caller_->runtime().now() - asked < std::min(shortest_poll, longest)) {
    pause(stop);
  } else {
    backoff_.reset();
  }
  return std::nullopt;
}

void WatchLoop::learn_now(const std::stop_token& stop) {
  auto reading = read_state(*caller_, key_, false, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  heard_ = true;
  backoff_.reset();
  next_ = reading->index + 1;
}

void WatchLoop::bridge_gap(const std::stop_token& stop) {
  auto reading = read_state(*caller_, key_, options_.recursive, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  if (reading->index < next_) return pause(stop);  // From a node that lags behind the one that refused.

  Gap gap{.first_missed = std::exchange(next_, reading->index + 1), .read_at = reading->index, .state = {}};
  gap.state = std::move(reading->state);
  // A file that was last written before is the same file still.
  const bool unchanged =
      !options_.recursive && gap.state && !gap.state->dir && gap.state->modified_index < gap.first_missed;
  if (unchanged) return;
  caller_->observe([&](Observer& observer) { observer.on_watch_gap(key_, gap.first_missed, gap.read_at); });
  if (options_.on_gap) options_.on_gap(gap);
}

void WatchLoop::failed(Error error, const std::stop_token& stop) {
  const bool is_stranger = !heard_ && error.code == errc::protocol_error && ++strange_answers_ >= most_strange_answers;
  if (cannot_heal(error) || is_stranger) {
    error_ = std::move(error);
  } else {
    pause(stop);
  }
}

void WatchLoop::pause(const std::stop_token& stop) {
  const StopEither either(stop, caller_->closing());
  caller_->runtime().sleep_for(backoff_.pause(caller_->runtime()), either.token());
}

}  // namespace deimos
