#include "calls/endpoint_set.h"

#include <algorithm>
#include <utility>

namespace deimos {
namespace {

using namespace std::chrono_literals;

constexpr RetryPolicy probing = {.initial_backoff = 500ms, .max_backoff = 15s};

/// So many attempts in a row that time out say something about the endpoint, however little time they had.
constexpr int most_timed_out = 3;

bool contains(const std::vector<std::string>& urls, const std::string& url) {
  return std::find(urls.begin(), urls.end(), url) != urls.end();
}

}  // namespace

EndpointSet::EndpointSet(Runtime& runtime, std::vector<std::string> seeds, Duration patience)
    : runtime_(runtime), patience_(patience) {
  for (std::string& url : seeds) {
    endpoints_.push_back({.url = std::move(url), .seed = true, .member = true, .backoff = Backoff(probing)});
  }
  // Clients that start together do not all begin with the first.
  next_ = runtime.random() % endpoints_.size();
}

EndpointSet::Choice EndpointSet::pick(const std::vector<std::string>& tried, const EndpointWish& wish) {
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* chosen = nullptr;
  Endpoint* last_resort = nullptr;
  std::size_t next = next_;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const std::size_t position = (next_ + i) % endpoints_.size();
    Endpoint& candidate = endpoints_[position];
    if (contains(tried, candidate.url)) continue;
    if (candidate.down || !candidate.member) {
      if (last_resort == nullptr || candidate.asked < last_resort->asked) last_resort = &candidate;
    } else if (candidate.url == wish.prefer) {
      chosen = &candidate;
      next = next_;  // It does not take the turn of another.
      break;
    } else if (chosen == nullptr || chosen->url == wish.avoid) {
      chosen = &candidate;
      next = (position + 1) % endpoints_.size();
    }
  }
  // While something that should work has been tried, the rest is not worth the time.
  if (chosen == nullptr && tried.empty()) chosen = last_resort;
  if (chosen == nullptr) return {};
  next_ = next;
  chosen->asked = ++picks_;
  return {.url = chosen->url, .hung = chosen->hung.get_token()};
}

TimePoint EndpointSet::begin(const std::string& url) {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* endpoint = find(url);
  if (endpoint != nullptr && endpoint->waiting++ == 0) endpoint->silent_since = now;
  begun_at_ = now;
  return endpoints_.size() > 1 ? saturating_add(now, patience_) : TimePoint::max();
}

void EndpointSet::end(const std::string& url) {
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* endpoint = find(url);
  // It may have been forgotten, and found anew, in the meantime.
  if (endpoint != nullptr && endpoint->waiting > 0) --endpoint->waiting;
}

bool EndpointSet::judge(const std::string& url, Verdict verdict) {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* endpoint = find(url);
  if (endpoint == nullptr) return false;
  switch (verdict) {
    case Verdict::none: return false;
    case Verdict::timed_out:
      if (++endpoint->timed_out < most_timed_out) return false;
      [[fallthrough]];
    case Verdict::fails: return take_out(*endpoint, now);
    case Verdict::works: break;
  }
  endpoint->timed_out = 0;
  endpoint->silent_since = endpoint->answered_at = now;
  endpoint->has_answered = true;
  if (!std::exchange(endpoint->down, false)) return false;
  endpoint->backoff.reset();
  return true;
}

bool EndpointSet::take_out(Endpoint& endpoint, TimePoint now) {
  // Those who fail at the same time count as one failure; so does whoever asks one that is down as a last resort.
  if (endpoint.down && now < endpoint.probe_at) return false;
  endpoint.probe_at = saturating_add(now, endpoint.backoff.pause(runtime_));
  return !std::exchange(endpoint.down, true);
}

TimePoint EndpointSet::due(const Endpoint& endpoint) const {
  if (!endpoint.member) return TimePoint::max();
  if (endpoint.down) return endpoint.probe_at;
  if (endpoint.waiting == 0) return TimePoint::max();
  return saturating_add(std::max(endpoint.silent_since, endpoint.checked_at), patience_);
}

std::optional<EndpointSet::Check> EndpointSet::next_check() {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  const auto found = std::min_element(endpoints_.begin(), endpoints_.end(), [this](const auto& one, const auto& other) {
    mutex_.assert_held();
    return due(one) < due(other);
  });
  if (due(*found) > now) return std::nullopt;
  if (found->down) return Check{.kind = Check::Kind::is_it_back, .url = found->url, .silent_since = {}};
  found->checked_at = now;
  return Check{.kind = Check::Kind::does_it_hang, .url = found->url, .silent_since = found->silent_since};
}

TimePoint EndpointSet::next_check_at() const {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  if (endpoints_.size() < 2) return TimePoint::max();
  TimePoint first = saturating_add(begun_at_, patience_);
  if (first <= now) first = TimePoint::max();
  for (const Endpoint& endpoint : endpoints_) first = std::min(first, due(endpoint));
  return first;
}

EndpointSet::Witness EndpointSet::witness_against(const Check& check) const {
  const internal::LocalMutexLock lock(mutex_);
  Witness witness;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.url == check.url || endpoint.down || !endpoint.member) continue;
    if (endpoint.has_answered && endpoint.answered_at > check.silent_since) return {endpoint.url, true};
    if (witness.url.empty()) witness.url = endpoint.url;
  }
  return witness;
}

bool EndpointSet::give_up(const Check& check) {
  const TimePoint now = runtime_.now();
  std::stop_source hung;
  bool changed = false;
  {
    const internal::LocalMutexLock lock(mutex_);
    Endpoint* endpoint = find(check.url);
    if (endpoint == nullptr || endpoint->answered_at > check.silent_since) return false;
    hung = std::exchange(endpoint->hung, std::stop_source());
    changed = take_out(*endpoint, now);
  }
  hung.request_stop();
  return changed;
}

void EndpointSet::close() noexcept {
  std::vector<std::stop_source> all;
  {
    const internal::LocalMutexLock lock(mutex_);
    for (const Endpoint& endpoint : endpoints_) all.push_back(endpoint.hung);
  }
  for (std::stop_source& source : all) source.request_stop();
}

std::vector<EndpointChange> EndpointSet::replace(const std::vector<std::string>& urls) {
  std::vector<EndpointChange> changes;
  const internal::LocalMutexLock lock(mutex_);
  for (Endpoint& endpoint : endpoints_) {
    const bool stays = contains(urls, endpoint.url);
    if (endpoint.member && !stays) changes.push_back({EndpointChange::Kind::removed, endpoint.url, "not in /machines"});
    if (!endpoint.member && stays) changes.push_back({EndpointChange::Kind::added, endpoint.url, "in /machines"});
    endpoint.member = stays;
  }
  std::erase_if(endpoints_, [](const Endpoint& endpoint) { return !endpoint.member && !endpoint.seed; });
  for (const std::string& url : urls) {
    if (find(url) != nullptr) continue;
    endpoints_.push_back({.url = url, .member = true, .backoff = Backoff(probing)});
    changes.push_back({EndpointChange::Kind::added, url, "in /machines"});
  }
  next_ %= endpoints_.size();
  return changes;
}

std::vector<std::string> EndpointSet::urls() const {
  const internal::LocalMutexLock lock(mutex_);
  std::vector<std::string> members;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.member) members.push_back(endpoint.url);
  }
  return members;
}

EndpointSet::Endpoint* EndpointSet::find(const std::string& url) {
  for (Endpoint& endpoint : endpoints_) {
    if (endpoint.url == url) return &endpoint;
  }
  return nullptr;
}

}  // namespace deimos
