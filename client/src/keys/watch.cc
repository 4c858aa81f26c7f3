#include <deimos/watch.h>

#include <exception>
#include <utility>

#include <deimos/client.h>

#include "keys/client_state.h"
#include "keys/watch_loop.h"

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

struct Watch::State {
  WatchLoop loop;
  std::stop_token stop;
};

Watch::Watch(std::unique_ptr<State> state) : state_(std::move(state)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

std::optional<Event> Watch::next() { return state_->loop.next(state_->stop); }
const std::optional<Error>& Watch::error() const noexcept { return state_->loop.error(); }
std::uint64_t Watch::next_index() const noexcept { return state_->loop.next_index(); }

Subscription::Subscription() noexcept = default;
Subscription::Subscription(std::unique_ptr<Task> task) noexcept : task_(std::move(task)) {}
Subscription::Subscription(Subscription&&) noexcept = default;
Subscription& Subscription::operator=(Subscription&&) noexcept = default;
Subscription::~Subscription() = default;

void Subscription::request_stop() noexcept {
  if (task_) task_->request_stop();
}

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
