#include "http/http_reply.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

namespace deimos::fake {

void HttpReply::answer(Response response, bool open) {
  const internal::LocalMutexLock lock(mutex_);
  news_.head = std::move(response);
  news_.open = open;
  news_.ended = !open;
  wake();
}

void HttpReply::chunk(std::string_view text) {
  const internal::LocalMutexLock lock(mutex_);
  news_.parts.append(text);
  ++part_count_;
  wake();
}

void HttpReply::end() {
  const internal::LocalMutexLock lock(mutex_);
  news_.ended = true;
  wake();
}

void HttpReply::broken(Delivery /*delivery*/) {
  const internal::LocalMutexLock lock(mutex_);
  news_.broken = true;
  wake();
}

std::size_t HttpReply::backlog() const {
  const internal::LocalMutexLock lock(mutex_);
  return news_.parts.size() > unsent_bytes_ ? std::numeric_limits<std::size_t>::max() : part_count_;
}

HttpReply::News HttpReply::take() {
  const internal::LocalMutexLock lock(mutex_);
  part_count_ = 0;
  if (event_) {
    eventfd_t ignored = 0;
    ::eventfd_read(event_.get(), &ignored);
  }
  return std::exchange(news_, {});
}

int HttpReply::descriptor() {
  const internal::LocalMutexLock lock(mutex_);
  if (!event_) {
    event_ = internal::Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event_) throw std::system_error(errno, std::generic_category(), "cannot wait for a watch");
    if (news_.head || !news_.parts.empty() || news_.ended || news_.broken) wake();
  }
  return event_.get();
}

void HttpReply::wake() {
  if (event_) ::eventfd_write(event_.get(), 1);
}

}  // namespace deimos::fake
