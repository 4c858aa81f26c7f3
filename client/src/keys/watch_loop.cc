#include "keys/watch_loop.h"

#include <algorithm>
#include <utility>

#include <deimos/internal/broken_rule.h>

#include "keys/key_value_call.h"
#include "keys/store_call.h"
#include "runtime/stop_either.h"
#include "wire/percent_encoding.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

/// A poll that ends sooner without an event did not wait: ask again, but not at once.
constexpr Duration shortest_poll = 100ms;
/// The longest that a poll after an event lasts.
constexpr Duration poll_after_event = 250ms;
/// After a poll of that length that heard nothing, or after the longest if that is shorter, a reading follows.
constexpr Duration poll_before_look = 2s;

bool is_refusal_of_the_store(const Error& error) noexcept {
  return error.code.category() == error_category() && error.code.value() < static_cast<int>(errc::invalid_argument);
}

bool cannot_heal(const Error& error) noexcept {
  return error.code == errc::cancelled || error.code == errc::closed || error.code == errc::invalid_key ||
         error.code == errc::invalid_argument;
}

/// Whoever has answered so often, and never as Deimos does, is not one.
constexpr int most_strange_answers = 5;

/// A name that begins with `_` is hidden from recursive watches above it.
bool is_hidden_below(std::string_view key, std::string_view watched) {
  return key.starts_with(watched) &&
         key.substr(watched == "/" ? 0 : watched.size()).find("/_") != std::string_view::npos;
}

/// The state of the watched key: an absent key is a state too.
struct Reading {
  std::optional<Node> state;
  std::uint64_t index = 0;
};

Result<Reading> read_state(Caller& caller, const std::string& key, bool recursive, const std::stop_token& stop) {
  auto answer = ask_store(caller, get_call(caller.dialect(), key, {.recursive = recursive}), stop);
  Reading reading;
  if (answer) {
    reading = {.state = std::move(answer->node), .index = answer->index};
  } else if (is_refusal_of_the_store(answer.error())) {
    reading.index = answer.error().index;
  } else {
    return tl::unexpected<Error>(std::move(answer.error()));
  }
  if (reading.index == 0)
    return fail(errc::protocol_error, "the answer to a GET lacks " + std::string(caller.dialect().index_header));
  return reading;
}

}  // namespace

WatchLoop::WatchLoop(std::shared_ptr<Caller> caller, std::string_view key, WatchOptions options)
    : caller_(std::move(caller)),
      key_(normalize_key(key).value_or(std::string(key))),
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

Duration WatchLoop::longest_poll() const { return options_.poll_timeout.value_or(caller_->options().poll_timeout); }

std::optional<Event> WatchLoop::poll(const std::stop_token& stop) {
  const Duration length = std::min(poll_length_.value_or(longest_poll()), longest_poll());
  const TimePoint asked = caller_->runtime().now();
  auto polled = wait_for_event(*caller_, key_,
                               {.from_index = next_, .recursive = options_.recursive, .timeout = length}, wish_, stop);
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
  wish_ = {.prefer = std::move(polled->endpoint), .avoid = {}};
  if (polled->event) return take(std::move(*polled->event), stop);
  heard_nothing(length, asked, stop);
  return std::nullopt;
}

std::optional<Event> WatchLoop::take(Event event, const std::stop_token& stop) {
  // An event from before what was asked for has been handed out already.
  if (event.node.modified_index < next_) {
    pause(stop);
    return std::nullopt;
  }
  next_ = event.node.modified_index + 1;
  backoff_.reset();
  poll_length_ = poll_after_event;
  in_doubt_ = false;
  // From its history, the store tells hidden names too.
  if (is_hidden_below(event.node.key, key_)) return std::nullopt;
  const bool of_the_key = event.node.key.size() <= key_.size();  // Or of a directory above it.
  if (of_the_key || !event.is_removal()) exists_ = !event.is_removal();
  return event;
}

void WatchLoop::heard_nothing(Duration asked_for, TimePoint asked, const std::stop_token& stop) {
  if (caller_->runtime().now() - asked < std::min(shortest_poll, asked_for)) return pause(stop);
  backoff_.reset();
  poll_length_ = asked_for > longest_poll() / 2 ? longest_poll() : asked_for * 2;
  if (in_doubt_ || asked_for >= std::min(poll_before_look, longest_poll())) look(stop);
}

void WatchLoop::look(const std::stop_token& stop) {
  auto reading = read_state(*caller_, key_, false, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  const bool begun_anew = reading->index + 1 < next_;
  const bool is_gone = !reading->state && exists_.value_or(false);
  if (!begun_anew && !is_gone) {
    in_doubt_ = false;
    exists_ = reading->state.has_value();
    return;
  }
  // What tells it may be on its way, or a node behind: another poll, a short one, will show.
  poll_length_ = poll_after_event;
  if (!std::exchange(in_doubt_, true)) return;
  if (options_.recursive) reading = read_state(*caller_, key_, true, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  in_doubt_ = false;
  exists_ = reading->state.has_value();
  report_gap({.first_missed = std::exchange(next_, reading->index + 1),
              .read_at = reading->index,
              .state = std::move(reading->state)});
}

void WatchLoop::learn_now(const std::stop_token& stop) {
  auto reading = read_state(*caller_, key_, false, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  heard_ = true;
  backoff_.reset();
  next_ = reading->index + 1;
  exists_ = reading->state.has_value();
}

void WatchLoop::bridge_gap(const std::stop_token& stop) {
  auto reading = read_state(*caller_, key_, options_.recursive, stop);
  if (!reading) return failed(std::move(reading.error()), stop);
  if (reading->index < next_) return pause(stop);  // From a node that lags behind the one that refused.

  Gap gap{.first_missed = std::exchange(next_, reading->index + 1), .read_at = reading->index, .state = {}};
  gap.state = std::move(reading->state);
  poll_length_ = poll_after_event;
  exists_ = gap.state.has_value();
  // A file that was last written before is the same file still.
  const bool unchanged =
      !options_.recursive && gap.state && !gap.state->dir && gap.state->modified_index < gap.first_missed;
  if (!unchanged) report_gap(std::move(gap));
}

void WatchLoop::report_gap(Gap gap) {
  caller_->observe([&](Observer& observer) { observer.on_watch_gap(key_, gap.first_missed, gap.read_at); });
  if (options_.on_gap) options_.on_gap(gap);
}

void WatchLoop::failed(Error error, const std::stop_token& stop) {
  wish_ = {.prefer = {}, .avoid = error.endpoint};
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
