// How a client starts a watch.
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <deimos/client.h>

#include "keys/client_state.h"
#include "keys/watch_state.h"

namespace deimos {
namespace {

/// The body of a subscription's task.
void run(WatchLoop& loop, const std::function<void(const Event&)>& on_event, const std::stop_token& stop) {
  std::optional<Error> end;
  try {
    while (const auto event = loop.next(stop)) {
      on_event(*event);
      if (stop.stop_requested()) return;
    }
    end = loop.error();
  } catch (const std::exception& thrown) {
    end = fail(errc::closed, std::string("the watch's callback threw: ") + thrown.what()).value();
  } catch (...) {
    end = fail(errc::closed, "the watch's callback threw").value();
  }
  if (stop.stop_requested() || !end || !loop.options().on_error) return;
  try {
    loop.options().on_error(*end);
  } catch (...) {  // NOLINT(bugprone-empty-catch): nobody is left to tell.
  }
}

}  // namespace

Watch Client::watch(std::string_view key, WatchOptions options, std::stop_token stop) const {
  auto state = std::make_unique<Watch::State>(
      Watch::State{.loop = WatchLoop(state_->caller, key, std::move(options)), .stop = std::move(stop)});
  state->loop.start(state->stop);
  return Watch(std::move(state));
}

Subscription Client::watch(std::string_view key, WatchOptions options,
                           std::function<void(const Event&)> on_event) const {
  const auto loop = std::make_shared<WatchLoop>(state_->caller, key, std::move(options));
  loop->start({});
  try {
    return Subscription(state_->caller->runtime().spawn(
        "deimos watch",
        [loop, on_event = std::move(on_event)](const std::stop_token& stop) { run(*loop, on_event, stop); }));
  } catch (const std::system_error& error) {
    const auto failure = fail(errc::unavailable, std::string("the watch's task cannot be started: ") + error.what());
    if (loop->options().on_error) loop->options().on_error(failure.value());
    return {};
  }
}

}  // namespace deimos
