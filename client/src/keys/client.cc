#include <deimos/client.h>

#include <system_error>
#include <utility>

#include "calls/membership.h"
#include "calls/options_check.h"
#include "keys/client_state.h"
#include "keys/key_value_call.h"
#include "keys/store_call.h"

namespace deimos {

Client::Client(ClientOptions options) {
  auto made = make(std::move(options));
  if (!made) throw std::system_error(made.error().code, made.error().describe());
  *this = std::move(*made);
}

Client::Client(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

Result<Client> Client::make(ClientOptions options) {
  auto checked = check_options(std::move(options));
  if (!checked) return tl::unexpected<Error>(std::move(checked.error()));
  try {
    auto state = std::make_shared<State>(std::make_shared<Caller>(std::move(*checked)));
    if (state->caller->options().sync_interval > Duration::zero()) {
      state->membership = state->caller->runtime().spawn(
          "deimos members",
          [caller = state->caller](const std::stop_token& stop) { keep_members_in_sync(*caller, stop); });
    }
    return Client(std::move(state));
  } catch (const std::system_error& error) {
    return fail(errc::unavailable, std::string("the client's task cannot be started: ") + error.what());
  }
}

Result<Answer> Client::get(std::string_view key, const GetOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller, get_call(state_->caller->dialect(), key, options), stop);
}

Result<Answer> Client::set(std::string_view key, std::string_view value, const WriteOptions& options,
                           std::stop_token stop) const {
  return ask_store(*state_->caller, put_call(state_->caller->dialect(), key, value, Existence::any, options), stop);
}

Result<Answer> Client::create(std::string_view key, std::string_view value, const WriteOptions& options,
                              std::stop_token stop) const {
  return ask_store(*state_->caller, put_call(state_->caller->dialect(), key, value, Existence::must_not, options),
                   stop);
}

Result<Answer> Client::update(std::string_view key, std::string_view value, const WriteOptions& options,
                              std::stop_token stop) const {
  return ask_store(*state_->caller, put_call(state_->caller->dialect(), key, value, Existence::must, options), stop);
}

Result<Answer> Client::create_in_order(std::string_view directory, std::string_view value, const WriteOptions& options,
                                       std::stop_token stop) const {
  return ask_store(*state_->caller, post_call(state_->caller->dialect(), directory, value, options), stop);
}

Result<Answer> Client::create_directory(std::string_view key, const WriteOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller,
                   put_call(state_->caller->dialect(), key, std::nullopt, Existence::must_not, options), stop);
}

Result<Answer> Client::set_directory(std::string_view key, const WriteOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller, put_call(state_->caller->dialect(), key, std::nullopt, Existence::any, options),
                   stop);
}

Result<Answer> Client::update_directory(std::string_view key, const WriteOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller, put_call(state_->caller->dialect(), key, std::nullopt, Existence::must, options),
                   stop);
}

Result<Answer> Client::remove(std::string_view key, const RemoveOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller, delete_call(state_->caller->dialect(), key, options), stop);
}

Result<Answer> Client::compare_and_swap(std::string_view key, std::string_view value, const Compare& compare,
                                        const WriteOptions& options, std::stop_token stop) const {
  return ask_store(*state_->caller, compare_and_swap_call(state_->caller->dialect(), key, value, compare, options),
                   stop);
}

Result<Answer> Client::compare_and_delete(std::string_view key, const Compare& compare, const CallOptions& options,
                                          std::stop_token stop) const {
  return ask_store(*state_->caller, compare_and_delete_call(state_->caller->dialect(), key, compare, options), stop);
}

Result<std::optional<Event>> Client::wait(std::string_view key, const WaitOptions& options,
                                          std::stop_token stop) const {
  auto heard = wait_for_event(*state_->caller, key, options, {}, stop);
  if (!heard) return tl::unexpected<Error>(std::move(heard.error()));
  return std::move(heard->event);
}

Result<std::vector<std::string>> Client::sync(const CallOptions& options, std::stop_token stop) const {
  return sync_members(*state_->caller, options.timeout, stop);
}

std::vector<std::string> Client::endpoints() const { return state_->caller->endpoints().urls(); }

const std::shared_ptr<Runtime>& Client::runtime() const noexcept { return state_->caller->options().runtime; }

const std::shared_ptr<Observer>& Client::observer() const noexcept { return state_->caller->options().observer; }

void Client::close() const noexcept { state_->caller->close(); }

}  // namespace deimos
