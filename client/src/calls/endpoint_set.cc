#include "calls/endpoint_set.h"

#include <algorithm>
#include <utility>

namespace deimos {
namespace {

using namespace std::chrono_literals;

constexpr RetryPolicy probing = {.initial_backoff = 500ms, .max_backoff = 15s};

bool contains(const std::vector<std::string>& urls, const std::string& url) {
  return std::find(urls.begin(), urls.end(), url) != urls.end();
}

}  // namespace

EndpointSet::EndpointSet(Runtime& runtime, std::vector<std::string> seeds) : runtime_(runtime) {
  for (std::string& url : seeds) {
    endpoints_.push_back({.url = std::move(url), .seed = true, .member = true, .backoff = Backoff(probing)});
  }
  // Clients that start together do not all begin with the first.
  next_ = runtime.random() % endpoints_.size();
}

std::string EndpointSet::pick(const std::vector<std::string>& tried) {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* last_resort = nullptr;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& candidate = endpoints_[(next_ + i) % endpoints_.size()];
    if (contains(tried, candidate.url)) continue;
    const bool due = !candidate.down || now >= candidate.probe_at;
    if (candidate.member && due) {
      next_ = (next_ + i + 1) % endpoints_.size();
      if (candidate.down) start_probe(candidate, now);
      return candidate.url;
    }
    if (last_resort == nullptr || candidate.probe_at < last_resort->probe_at) last_resort = &candidate;
  }
  // While something that should work has been tried, the rest is not worth the time.
  if (!tried.empty() || last_resort == nullptr) return {};
  start_probe(*last_resort, now);
  return last_resort->url;
}

void EndpointSet::start_probe(Endpoint& endpoint, TimePoint now) {
  // One call at a time finds out whether it is back.
  endpoint.probe_at = saturating_add(now, probing.initial_backoff);
  endpoint.probed = true;
}

bool EndpointSet::mark_up(const std::string& url) {
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* endpoint = find(url);
  if (endpoint == nullptr || !endpoint->down) return false;
  endpoint->down = false;
  endpoint->backoff.reset();
  return true;
}

bool EndpointSet::mark_down(const std::string& url) {
  const TimePoint now = runtime_.now();
  const internal::LocalMutexLock lock(mutex_);
  Endpoint* endpoint = find(url);
  // Calls that failed at the same time count as one failure.
  if (endpoint == nullptr || (endpoint->down && !endpoint->probed)) return false;
  endpoint->probed = false;
  endpoint->probe_at = saturating_add(now, endpoint->backoff.pause(runtime_));
  return !std::exchange(endpoint->down, true);
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
