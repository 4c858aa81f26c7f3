#include "locks/session/release_requests.h"

#include <charconv>
#include <utility>

#include <deimos/internal/percent_coding.h>
#include <deimos/internal/saturating_time.h>

namespace deimos {
namespace {

constexpr std::string_view mark = "release ";

/// Reads a number and the character after it; what follows, or null if it is not so.
template <typename Number>
const char* number_of(const char* begin, const char* end, char after, Number& number) {
  const auto [rest, error] = std::from_chars(begin, end, number);
  return error == std::errc() && rest != end && *rest == after ? rest + 1 : nullptr;
}

}  // namespace

std::string release_requests_of(std::string_view name) {
  std::string part;
  internal::append_percent_encoded(part, name, "-._~:@+ ");
  return part;
}

std::chrono::seconds time_of(const ReleaseDemand& demand) {
  return std::chrono::ceil<std::chrono::seconds>(demand.within);
}

std::string release_request_text(std::uint64_t up_to, const ReleaseDemand& demand) {
  return std::string(mark) + std::to_string(up_to) + ' ' + std::to_string(time_of(demand).count()) + ';' +
         demand.reason;
}

ReleaseRequests::ReleaseRequests(FollowedDirectory directory, Tell tell)
    : directory_(std::move(directory)), tell_(std::move(tell)) {}

/// None if it is not a request: foreign clients may write anything.
std::optional<ReleaseRequests::Addressed> ReleaseRequests::parse(const std::string& key, const std::string& text,
                                                                 std::uint64_t created,
                                                                 std::optional<std::chrono::seconds> ttl) const {
  if (!key.starts_with(directory_.path + '/') || !text.starts_with(mark)) return std::nullopt;
  const std::string part = key.substr(directory_.path.size() + 1);
  const std::string name = part.substr(0, part.find('/'));
  if (internal::find_bad_escape(name)) return std::nullopt;
  Addressed asked;
  asked.name = internal::percent_decode(name, false);
  std::int32_t within = 0;
  const char* const end = text.data() + text.size();
  const char* rest = number_of(text.data() + mark.size(), end, ' ', asked.up_to);
  if (rest != nullptr) rest = number_of(rest, end, ';', within);
  if (rest == nullptr || within < 0) return std::nullopt;
  // Not every store tells what is left.
  const TimePoint by = saturating_add(directory_.runtime.now(), ttl.value_or(std::chrono::seconds(within)));
  asked.request = {std::string(rest, end), by, created};
  return asked;
}

void ReleaseRequests::tell_all(const Known& requests) const {
  for (const auto& [key, asked] : requests) tell_(asked);
}

void ReleaseRequests::read(const Listing& listing) {
  Known known;
  for (const LockRecord& record : listing.records) {
    if (auto asked = parse(record.key, record.token, record.created_revision, record.ttl)) {
      known.emplace(record.key, std::move(*asked));
    }
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    known_ = known;
  }
  tell_all(known);
}

void ReleaseRequests::changed(const Change& change) {
  Known news;
  if (!change.released) {
    if (auto asked = parse(change.key, change.token, change.revision, change.ttl)) {
      news.emplace(change.key, std::move(*asked));
    }
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    known_.erase(change.key);
    known_.insert(news.begin(), news.end());
  }
  tell_all(news);
}

void ReleaseRequests::run(const std::stop_token& stop) {
  Follower follower;
  follower.read = [&](const Deadline& until) -> Result<std::uint64_t> {
    Result<Listing> listing = directory_.backend.list(directory_.path, until);
    if (!listing) return tl::unexpected<Error>(std::move(listing.error()));
    read(*listing);
    return listing->revision;
  };
  follower.changed = [&](const Change& change) {
    changed(change);
    return false;
  };
  // It ends by `stop`, or because the store cannot be made sense of: then nobody can be asked.
  (void)follow_changes(directory_, follower, stop);
}

std::optional<ReleaseRequest> ReleaseRequests::find(const std::string& name, std::uint64_t fencing_token) const {
  const internal::LocalMutexLock lock(mutex_);
  std::optional<ReleaseRequest> latest;
  for (const auto& [key, asked] : known_) {
    if (asked.name != name || fencing_token > asked.up_to) continue;
    if (!latest || latest->id < asked.request.id) latest = asked.request;
  }
  return latest;
}

}  // namespace deimos
