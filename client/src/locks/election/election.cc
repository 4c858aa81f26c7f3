#include <deimos/election.h>

#include <utility>

#include <deimos/internal/utf8.h>

#include "locks/election/leader_watch.h"
#include "locks/local/hold_access.h"
#include "locks/local/local_lock.h"
#include "locks/session/lock_value.h"
#include "runtime/stop_either.h"

namespace deimos {
namespace {

std::optional<Error> check_message(std::string_view message) {
  constexpr std::size_t longest = 2048;  // It is in the target of the request that removes the record, percent-encoded.
  if (message.size() <= longest && internal::is_utf8(message)) return std::nullopt;
  return fail(errc::invalid_argument, "what a leader says must be UTF-8 of at most 2 KiB").value();
}

}  // namespace

Leadership::Leadership(Hold hold, std::shared_ptr<LocalLock> lock, std::shared_ptr<LockAcquisition> acquisition)
    : hold_(std::move(hold)), lock_(std::move(lock)), acquisition_(std::move(acquisition)) {}

Result<void> Leadership::proclaim(std::string_view message, std::stop_token stop) const {
  if (auto error = check_message(message)) return tl::unexpected<Error>(std::move(*error));
  LockValue value = lock_value_of(acquisition_->record().wanted);
  value.message = message;
  return lock_->session().rewrite(acquisition_, text_of(value), std::move(stop));
}

Election::Election(std::string name, Result<std::shared_ptr<LocalLock>> state)
    : name_(std::move(name)), state_(std::move(state)) {}

Result<Leadership> Election::campaign(std::string_view message, const AcquireOptions& options,
                                      std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  if (auto error = check_message(message)) return tl::unexpected<Error>(std::move(*error));
  Claim claim;
  claim.kind = LockKind::election;
  claim.message = message;
  auto acquired = (*state_)->acquire(claim, options, stop);
  if (!acquired) return tl::unexpected<Error>(std::move(acquired.error()));
  return Leadership(HoldAccess::hold_of(*state_, *acquired), *state_, *acquired);
}

Result<void> Election::run_while_leader(const std::function<void(std::stop_token)>& work, std::stop_token stop,
                                        std::string_view message) const {
  for (;;) {
    Result<Leadership> leadership = campaign(message, {}, stop);
    if (!leadership) return tl::unexpected<Error>(std::move(leadership.error()));
    {
      const StopEither either(stop, leadership->lost());
      work(either.token());
    }
    const bool lost = !leadership->is_leader();
    (void)leadership->resign();
    if (stop.stop_requested()) return fail(errc::cancelled, "leading '" + name_ + "' was cancelled");
    if (!lost) return {};
  }
}

Result<std::optional<Leader>> Election::leader(std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  LockSession& session = (*state_)->session();
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  Result<LeaderReading> reading = read_leader(session, name_, (*state_)->key(), session.step_deadline(std::move(stop)));
  if (!reading) return tl::unexpected<Error>(std::move(reading.error()));
  return std::move(reading->leader);
}

Result<void> Election::observe(const std::function<void(const std::optional<Leader>&)>& on_change,
                               std::stop_token stop) const {
  if (!state_) return tl::unexpected<Error>(state_.error());
  LockSession& session = (*state_)->session();
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  const StopEither either(stop, session.closing());
  Error why = follow_leaders(session, name_, (*state_)->key(), on_change, either.token());
  if (why.code == errc::cancelled && session.closing().stop_requested()) {
    return fail(errc::closed, "the lock manager was closed");
  }
  return tl::unexpected<Error>(std::move(why));
}

const std::string& Election::name() const noexcept { return name_; }

}  // namespace deimos
