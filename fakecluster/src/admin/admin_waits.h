// Requests to the admin API that wait, each in a thread of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include <deimos/fake/request_handler.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/transport.h>

namespace deimos::fake {

/// Thread-safe. Ends what still waits when it goes.
class AdminWaits {
 public:
  static constexpr std::size_t most = 16;  ///< At once.

  AdminWaits() = default;
  ~AdminWaits();
  AdminWaits(const AdminWaits&) = delete;
  AdminWaits& operator=(const AdminWaits&) = delete;

  /// Has `answer` called in a thread, and gives `reply` what it returns. Returns a ticket; 0, and does nothing, if so
  /// many wait already. The reply is called once `answer` has returned, also after abandon().
  RequestHandler::Ticket start(std::function<Response(const std::stop_token&)> answer, std::shared_ptr<Reply> reply);
  /// Tells it to stop. Unknown tickets are ignored.
  void abandon(RequestHandler::Ticket ticket);

 private:
  struct Wait {
    std::jthread thread;
    bool over = false;
  };

  void join_those_over() DEIMOS_REQUIRES(mutex_);

  internal::LocalMutex mutex_;
  std::map<RequestHandler::Ticket, Wait> waits_ DEIMOS_GUARDED_BY(mutex_);
  RequestHandler::Ticket last_ DEIMOS_GUARDED_BY(mutex_) = 0;
};

}  // namespace deimos::fake
