#include "http/http_reply.h"

#include <limits>
#include <utility>

namespace deimos::fake {

void HttpReply::answer(Response response, bool open) {
  const internal::LocalMutexLock lock(mutex_);
  news_.head = std::move(response);
  news_.open = open;
  news_.ended = !open;
  tell();
}

void HttpReply::chunk(std::string_view text) { shared_chunk(std::make_shared<const std::string>(text)); }

void HttpReply::shared_chunk(const std::shared_ptr<const std::string>& text) {
  const internal::LocalMutexLock lock(mutex_);
  news_.parts.push_back(text);
  part_bytes_ += text->size();
  tell();
}

void HttpReply::end() {
  const internal::LocalMutexLock lock(mutex_);
  news_.ended = true;
  tell();
}

void HttpReply::broken(Delivery /*delivery*/) {
  const internal::LocalMutexLock lock(mutex_);
  news_.broken = true;
  tell();
}

std::size_t HttpReply::backlog() const {
  const internal::LocalMutexLock lock(mutex_);
  return part_bytes_ > unsent_bytes_ ? std::numeric_limits<std::size_t>::max() : news_.parts.size();
}

HttpReply::News HttpReply::take() {
  const internal::LocalMutexLock lock(mutex_);
  part_bytes_ = 0;
  awaited_ = true;
  return std::exchange(news_, {});
}

void HttpReply::detach() {
  const internal::LocalMutexLock lock(mutex_);
  on_news_ = nullptr;
}

void HttpReply::tell() {
  if (std::exchange(awaited_, false) && on_news_) on_news_();
}

}  // namespace deimos::fake
