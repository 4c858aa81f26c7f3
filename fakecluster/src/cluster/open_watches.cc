#include "cluster/open_watches.h"

#include <utility>

#include "protocol/answer_writer.h"

namespace deimos::fake {

void OpenWatches::add(WatcherId watcher, std::shared_ptr<Reply> reply, std::string key, bool stream, Instant deadline) {
  open_.emplace(watcher, Open{std::move(reply), std::move(key), stream, deadline});
  deadlines_.emplace(deadline, watcher);
}

bool OpenWatches::remove(WatcherId watcher) {
  const auto found = open_.find(watcher);
  if (found == open_.end()) return false;
  deadlines_.erase({found->second.deadline, watcher});
  open_.erase(found);
  return true;
}

bool OpenWatches::deliver(WatcherId watcher, const Event& event) {
  const Open& open = open_.at(watcher);
  const bool slow = open.reply->backlog() >= backlog_limit_;
  if (!slow) {
    if (text_index_ != event.index) {
      text_ = std::make_shared<const std::string>(event_text(event));
      text_index_ = event.index;
    }
    open.reply->shared_chunk(text_);
  }
  if (slow || !open.stream) end(watcher);
  return !slow;
}

std::pair<Instant, WatcherId> OpenWatches::first_deadline() const noexcept {
  return deadlines_.empty() ? std::pair{Instant::max(), WatcherId{0}} : *deadlines_.begin();
}

void OpenWatches::end(WatcherId watcher) {
  const auto found = open_.find(watcher);
  if (found == open_.end()) return;
  const std::shared_ptr<Reply> reply = found->second.reply;
  remove(watcher);
  reply->end();
}

void OpenWatches::end_all() {
  while (!open_.empty()) end(open_.begin()->first);
}

void OpenWatches::break_all() {
  deadlines_.clear();
  for (const auto& [watcher, open] : std::exchange(open_, {})) open.reply->broken(Delivery::unknown);
}

std::vector<WatcherId> OpenWatches::of(const std::function<bool(const std::string& key)>& wanted) const {
  std::vector<WatcherId> found;
  for (const auto& [watcher, open] : open_) {
    if (wanted(open.key)) found.push_back(watcher);
  }
  return found;
}

}  // namespace deimos::fake
