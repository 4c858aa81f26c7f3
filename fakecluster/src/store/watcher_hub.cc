#include "store/watcher_hub.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos::fake {
namespace {

/// What comes after `above` in `below`, from the slash on; empty if `below` is not below it.
std::string_view rest_below(std::string_view above, std::string_view below) noexcept {
  if (above == "/") return below.size() > 1 ? below : std::string_view{};
  if (below.size() <= above.size() || !below.starts_with(above) || below[above.size()] != '/') return {};
  return below.substr(above.size());
}

}  // namespace

bool Watch::covers(const Event& event) const noexcept {
  if (event.key == key) return true;
  if (recursive) {
    const std::string_view rest = rest_below(key, event.key);
    if (!rest.empty() && rest.find("/_") == std::string_view::npos) return true;
  }
  return event.removed_directory() && !rest_below(event.key, key).empty();
}

bool Watch::covers_past(const Event& event) const noexcept {
  return event.key == key || (recursive && !rest_below(key, event.key).empty());
}

WatcherId WatcherHub::add(Watch watch) {
  const WatcherId id = ++last_id_;
  keys_.emplace(id, watch.key);
  Watchers& place = watchers_[watch.key];
  place.emplace_hint(place.end(), id, std::move(watch));
  return id;
}

void WatcherHub::remove(WatcherId watcher) {
  const auto known = keys_.find(watcher);
  if (known == keys_.end()) return;
  const auto place = watchers_.find(known->second);
  DEIMOS_ASSERT(place != watchers_.end(), "a watcher whose key is known is registered there");
  if (forgetful_) {
    forget_at(place);
    return;
  }
  const auto removed = place->second.erase(watcher);
  DEIMOS_ASSERT(removed == 1, "a watcher whose key is known is registered there");
  if (place->second.empty()) watchers_.erase(place);
  keys_.erase(known);
}

WatcherHub::ByKey::iterator WatcherHub::forget_at(ByKey::iterator place) {
  for (const auto& [id, watch] : place->second) keys_.erase(id);
  return watchers_.erase(place);
}

void WatcherHub::notify(const Event& event, EventSink& sink,
                        const std::function<bool(const std::string& key)>& tells_below) {
  if (watchers_.empty()) return;
  const std::string_view key = event.key;
  if (removal_streams_twice_ && event.is_removal()) {
    if (const auto place = watchers_.find(key); place != watchers_.end()) notify_at(place, event, sink);
  }
  // Those at the key and above it: "/", "/a", "/a/b", …
  for (std::size_t end = 1;; ++end) {
    if (end != 1) end = std::min(key.find('/', end), key.size());
    if (const auto place = watchers_.find(key.substr(0, end)); place != watchers_.end()) notify_at(place, event, sink);
    if (end >= key.size()) break;
  }
  if (!event.removed_directory()) return;
  const std::string below = event.key + '/';
  for (auto place = watchers_.lower_bound(below); place != watchers_.end() && place->first.starts_with(below);) {
    place = tells_below(place->first) ? notify_at(place, event, sink) : std::next(place);
  }
}

WatcherHub::ByKey::iterator WatcherHub::notify_at(ByKey::iterator place, const Event& event, EventSink& sink) {
  const auto removed = std::erase_if(place->second, [&](const auto& each) {
    const auto& [id, watch] = each;
    if (event.index < watch.since || !watch.covers(event)) return false;
    const bool done = !sink.deliver(id, event) || !watch.stream;
    if (done) keys_.erase(id);
    return done;
  });
  if (removed != 0 && forgetful_) return forget_at(place);
  return place->second.empty() ? watchers_.erase(place) : std::next(place);
}

void WatcherHub::clear() noexcept {
  watchers_.clear();
  keys_.clear();
}

}  // namespace deimos::fake
