#include "locks/session/lock_admin.h"

#include <algorithm>
#include <string>
#include <utility>

namespace deimos {
namespace {

/// What comes before the random part of a token of ours; the whole of any other text.
std::string owner_in(const std::string& token) {
  constexpr std::size_t random_digits = 32;
  if (token.size() < random_digits) return token;
  const std::size_t end = token.size() - random_digits;
  const bool ours =
      token.find_first_not_of("0123456789abcdef", end) == std::string::npos && (end == 0 || token[end - 1] == ':');
  if (!ours) return token;
  return end == 0 ? std::string() : token.substr(0, end - 1);
}

LockInfo info_of(const LockSession& session, LockRecord record) {
  LockInfo info;
  info.name = session.name_of(record.key);
  info.owner = owner_in(record.token);
  info.held_here = session.holds_token(record.token);
  info.key = std::move(record.key);
  info.value = std::move(record.token);
  info.created_revision = record.created_revision;
  info.revision = record.revision;
  info.ttl = record.ttl;
  info.expires = record.expires;
  return info;
}

}  // namespace

Result<std::optional<LockInfo>> lock_info(LockSession& session, std::string_view name, std::stop_token stop) {
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  const Result<std::string> key = session.key_of(name);
  if (!key) return tl::unexpected<Error>(key.error());
  Result<Inspection> seen = session.backend().inspect(*key, session.step_deadline(std::move(stop)));
  if (!seen) return tl::unexpected<Error>(std::move(seen.error()));
  if (!seen->record) return std::optional<LockInfo>();
  return info_of(session, std::move(*seen->record));
}

Result<std::vector<LockInfo>> list_locks(LockSession& session, std::string_view below, std::stop_token stop) {
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  std::string directory = session.options().prefix;
  if (!below.empty()) {
    const Result<std::string> key = session.key_of(below);
    if (!key) return tl::unexpected<Error>(key.error());
    directory = *key;
  }
  Result<std::vector<LockRecord>> records = session.backend().list(directory, session.step_deadline(std::move(stop)));
  if (!records) return tl::unexpected<Error>(std::move(records.error()));
  std::vector<LockInfo> infos;
  infos.reserve(records->size());
  for (LockRecord& record : *records) infos.push_back(info_of(session, std::move(record)));
  std::sort(infos.begin(), infos.end(), [](const LockInfo& a, const LockInfo& b) { return a.name < b.name; });
  return infos;
}

Result<bool> force_unlock(LockSession& session, std::string_view name, std::stop_token stop) {
  const Result<LockSession::Operation> operation = session.begin();
  if (!operation) return tl::unexpected<Error>(operation.error());
  const Result<std::string> key = session.key_of(name);
  if (!key) return tl::unexpected<Error>(key.error());
  const Deadline until = session.step_deadline(std::move(stop));
  std::string holder;
  for (;;) {
    const Result<Inspection> seen = session.backend().inspect(*key, until);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (!seen->record) return !holder.empty();
    // Somebody else has it by now: the one it was to be taken from is out.
    if (!holder.empty() && seen->record->token != holder) return true;
    holder = seen->record->token;
    // A holder of this process hears of it before the store gives the lock to others.
    session.lose_token(holder, fail(errc::lock_not_held, "lock '" + std::string(name) + "' was taken away").value());
    const Result<void> removed = session.backend().force_release(*seen->record, until);
    if (removed) return true;
    const std::error_code& code = removed.error().code;
    const bool changed = code == errc::compare_failed || code == errc::key_not_found;  // A renewal came in between.
    if (!changed) return tl::unexpected<Error>(removed.error());
    if (session.runtime().now() >= until.at) return tl::unexpected<Error>(removed.error());
  }
}

}  // namespace deimos
