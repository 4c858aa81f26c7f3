#include "mutants/breakable_store.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <variant>

namespace deimos::testkit::mutants {
namespace {

bool says_gone(const Error& error) { return error.code == errc::compare_failed || error.code == errc::key_not_found; }

Result<Granted> granted_or_gone(const Result<Answer>& answer) {
  if (answer) return Granted{answer->node.modified_index};
  if (says_gone(answer.error())) return fail(errc::lock_not_held, "gone");
  return tl::unexpected<Error>(answer.error());
}

}  // namespace

Duration BreakableStore::left(const Deadline& until) const {
  if (until.at == TimePoint::max()) return Duration::max();
  return std::max(until.at - client_.runtime()->now(), Duration::zero());
}

Result<Granted> BreakableStore::overwrite(const std::string& key, const std::string& token, std::chrono::seconds ttl,
                                          const Deadline& until) {
  return granted_or_gone(client_.set(key, token, write(ttl, until), until.stop));
}

Result<void> BreakableStore::remove(const std::string& key, const Deadline& until) {
  const Result<Answer> answer = client_.remove(key, {.timeout = left(until)}, until.stop);
  if (answer) return {};
  if (answer.error().code == errc::key_not_found) return fail(errc::lock_not_held, "gone");
  return tl::unexpected<Error>(answer.error());
}

Result<std::variant<Granted, Refused>> BreakableStore::acquire(const std::string& key, const std::string& token,
                                                               std::chrono::seconds ttl, const Deadline& until) {
  if (has(Flaw::look_then_set)) return look_then_set(key, token, ttl, until);
  if (has(Flaw::create_is_a_set)) return overwrite(key, token, ttl, until);
  if (has(Flaw::no_ttl)) {
    const Result<Answer> answer = client_.create(key, token, {.timeout = left(until)}, until.stop);
    if (answer) return Granted{answer->node.modified_index};
    if (answer.error().code == errc::key_already_exists) return Refused{answer.error().index};
    return tl::unexpected<Error>(answer.error());
  }
  if (has(Flaw::ttl_in_another_unit)) ttl *= 1000;  // Milliseconds, taken for seconds.
  const Deadline patience{has(Flaw::waits_for_every_answer) ? TimePoint::max() : until.at, until.stop};
  return misunderstood(right_.acquire(key, token, ttl, patience), key, token, ttl, until);
}

Result<std::variant<Granted, Refused>> BreakableStore::look_then_set(const std::string& key, const std::string& token,
                                                                     std::chrono::seconds ttl, const Deadline& until) {
  const Result<Inspection> seen = right_.inspect(key, until);
  if (!seen) return tl::unexpected<Error>(seen.error());
  if (seen->record) return Refused{seen->revision};
  return overwrite(key, token, ttl, until);
}

Result<std::variant<Granted, Refused>> BreakableStore::misunderstood(Result<std::variant<Granted, Refused>> answer,
                                                                     const std::string& key, const std::string& token,
                                                                     std::chrono::seconds ttl, const Deadline& until) {
  if (answer) {
    const bool granted = std::holds_alternative<Granted>(*answer);
    if (has(Flaw::side_record) && granted) (void)client_.create(key + "-session-" + token, token, {}, until.stop);
    return answer;
  }
  if (has(Flaw::sets_after_an_error)) return overwrite(key, token, ttl, {TimePoint::max(), until.stop});
  if (has(Flaw::always_succeeds)) return Granted{client_.runtime()->random()};
  if (has(Flaw::server_error_is_failure) && answer.error().code == condition::outcome_unknown)
    return fail(errc::unavailable, "an error of the server");
  return answer;
}

Result<Granted> BreakableStore::take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                                          const Deadline& until) {
  if (has(Flaw::waits_for_the_sweep)) return fail(errc::compare_failed, "never takes over");
  return right_.take_over(expired, token, ttl, until);
}

Result<Granted> BreakableStore::renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                      std::chrono::seconds ttl, const Deadline& until) {
  const bool wrongly = has(Flaw::renew_by_existence) || has(Flaw::renewal_drops_ttl) || has(Flaw::renewal_drops_value);
  if (wrongly) return renew_wrongly(key, token, ttl, until);
  auto renewed = right_.renew(key, token, revision, ttl, until);
  if (!has(Flaw::renewal_resurrects) || renewed || renewed.error().code != errc::lock_not_held) return renewed;
  const auto again = right_.acquire(key, token, ttl, until);
  if (again && std::holds_alternative<Granted>(*again)) return std::get<Granted>(*again);
  return renewed;
}

Result<Granted> BreakableStore::renew_wrongly(const std::string& key, const std::string& token,
                                              std::chrono::seconds ttl, const Deadline& until) {
  if (has(Flaw::renew_by_existence)) return granted_or_gone(client_.update(key, token, write(ttl, until), until.stop));
  const std::string value = has(Flaw::renewal_drops_value) ? "" : token;
  WriteOptions options = write(ttl, until);
  if (has(Flaw::renewal_drops_ttl)) options.ttl.reset();
  return granted_or_gone(client_.compare_and_swap(key, value, {.value = token}, options, until.stop));
}

Result<void> BreakableStore::release(const std::string& key, const std::string& token, const Deadline& until) {
  if (has(Flaw::check_then_delete)) {
    const Result<Inspection> seen = right_.inspect(key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record || seen->record->token != token) return fail(errc::lock_not_held, "another's");
  }
  if (has(Flaw::check_then_delete) || has(Flaw::foreign_delete)) return remove(key, until);
  return right_.release(key, token, until);
}

Result<Inspection> BreakableStore::inspect(const std::string& key, const Deadline& until) {
  Result<Inspection> seen = right_.inspect(key, until);
  if (has(Flaw::takes_over_within_skew) && seen && seen->record && seen->record->ttl)
    *seen->record->ttl -= std::chrono::seconds(4);
  return seen;
}

Result<std::optional<Change>> BreakableStore::wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                              const Deadline& until) {
  if (has(Flaw::watch_from_now)) from_revision = 0;
  if (has(Flaw::watch_from_the_past)) from_revision = from_revision > 10 ? from_revision - 10 : 1;
  if (has(Flaw::watch_from_too_late)) from_revision += 1;
  if (has(Flaw::leaves_its_watches)) leave_a_watch(key);
  const Deadline patience{has(Flaw::trusts_its_watch) ? TimePoint::max() : until.at, until.stop};
  Result<std::optional<Change>> change = right_.wait_for_change(key, from_revision, patience);
  while (has(Flaw::wakes_for_expiry_only) && change && *change && (*change)->released && !(*change)->expired)
    change = right_.wait_for_change(key, (*change)->revision + 1, patience);
  if (!change) {
    if (change.error().code == errc::history_cleared)
      return wait_after_cleared_history(std::move(change), key, from_revision, until);
    return change;
  }
  if (has(Flaw::chokes_on_an_empty_answer) && !*change) throw std::runtime_error("the event has no node");
  if (has(Flaw::every_event_is_a_release) && *change) (*change)->released = true;
  return change;
}

Result<std::optional<Change>> BreakableStore::wait_after_cleared_history(Result<std::optional<Change>> cleared,
                                                                         const std::string& key,
                                                                         std::uint64_t from_revision,
                                                                         const Deadline& until) {
  Runtime& runtime = *client_.runtime();
  if (has(Flaw::deaf_once_history_is_cleared)) {
    runtime.sleep_until(until.at, until.stop);
    return std::optional<Change>();
  }
  if (has(Flaw::watch_from_now_after_cleared_history)) return right_.wait_for_change(key, 0, until);
  while (has(Flaw::asks_cleared_history_again) && !cleared && cleared.error().code == errc::history_cleared &&
         runtime.now() < until.at && !until.stop.stop_requested()) {
    cleared = right_.wait_for_change(key, from_revision, until);
  }
  return cleared;
}

void BreakableStore::leave_a_watch(const std::string& key) {
  left_watches_.push_back(client_.runtime()->spawn("lock watch", [this, key](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)right_.wait_for_change(key, 0, {TimePoint::max(), stop});
  }));
}

}  // namespace deimos::testkit::mutants
