#include "admin/admin_waits.h"

#include <utility>

namespace deimos::fake {

AdminWaits::~AdminWaits() {
  std::map<RequestHandler::Ticket, Wait> waits;
  {
    const internal::LocalMutexLock lock(mutex_);
    waits.swap(waits_);
  }
  for (auto& [ticket, wait] : waits) wait.thread.request_stop();
}  // And joins them.

RequestHandler::Ticket AdminWaits::start(std::function<Response(const std::stop_token&)> answer,
                                         std::shared_ptr<Reply> reply) {
  const internal::LocalMutexLock lock(mutex_);
  join_those_over();
  if (waits_.size() == most) return 0;
  const RequestHandler::Ticket ticket = ++last_;
  waits_[ticket].thread =
      std::jthread([this, ticket, answer = std::move(answer), reply = std::move(reply)](const std::stop_token& stop) {
        reply->answer(answer(stop), false);
        const internal::LocalMutexLock relock(mutex_);
        if (const auto found = waits_.find(ticket); found != waits_.end()) found->second.over = true;
      });
  return ticket;
}

void AdminWaits::abandon(RequestHandler::Ticket ticket) {
  const internal::LocalMutexLock lock(mutex_);
  if (const auto found = waits_.find(ticket); found != waits_.end()) found->second.thread.request_stop();
}

/// They have nothing more to do but to return.
void AdminWaits::join_those_over() {
  std::erase_if(waits_, [](const auto& wait) { return wait.second.over; });
}

}  // namespace deimos::fake
