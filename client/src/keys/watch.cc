#include <deimos/watch.h>

#include <utility>

#include "keys/watch_state.h"

namespace deimos {

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

}  // namespace deimos
