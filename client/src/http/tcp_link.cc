#include "http/tcp_link.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <memory>
#include <system_error>
#include <utility>

#include <deimos/internal/addresses.h>

namespace deimos {
namespace {

std::string error_text(int error) { return std::generic_category().message(error); }

/// What poll() waits for: rounded up, so that it never comes back a moment too early.
int poll_milliseconds(Duration left) noexcept {
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::clamp<decltype(whole)>(whole, 0, std::numeric_limits<int>::max()));
}

}  // namespace

void TcpLink::begin(TimePoint deadline, Duration connect_timeout) noexcept {
  deadline_ = deadline;
  connect_timeout_ = connect_timeout;
  timed_out_ = false;
  why_.clear();
  const internal::LocalMutexLock lock(mutex_);
  aborted_.reset();
}

void TcpLink::abort(Failure::Reason reason) noexcept {
  const internal::LocalMutexLock lock(mutex_);
  if (aborted_) return;
  aborted_ = reason;
  if (duplicate_.get() >= 0) ::shutdown(duplicate_.get(), SHUT_RDWR);
}

std::optional<Failure::Reason> TcpLink::aborted() const {
  const internal::LocalMutexLock lock(mutex_);
  return aborted_;
}

int TcpLink::open(const EndpointUrl& url) {
  std::string why;
  const std::string host = url.zone.empty() ? url.host : url.host + "%" + url.zone;
  const internal::Addresses addresses = internal::resolve(host, url.port, false, why);
  if (!addresses) why = "the host `" + host + "` is not known: " + why;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    internal::Descriptor socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) {
      why = "no socket: " + error_text(errno);
      continue;
    }
    const int on = 1;  // Head and body are small; waiting to fill a packet costs 40 ms.
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (!adopt(socket.get())) break;
    if (error == EINPROGRESS) {
      const TimePoint deadline = std::min(deadline_, saturating_add(runtime_.now(), connect_timeout_));
      if (!wait(socket.get(), POLLOUT, deadline)) {
        why = "no connection in time";
        continue;
      }
      socklen_t size = sizeof error;
      if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    }
    if (aborted()) break;
    if (error == 0) {
      timed_out_ = false;
      return socket.release();
    }
    timed_out_ = false;
    why = "no connection: " + error_text(error);
  }
  fail(std::move(why));
  return -1;
}

bool TcpLink::wait_readable(int socket) { return wait(socket, POLLIN, deadline_); }
bool TcpLink::wait_writable(int socket) { return wait(socket, POLLOUT, deadline_); }

bool TcpLink::wait(int socket, short events, TimePoint deadline) {
  pollfd waited{.fd = socket, .events = events, .revents = 0};
  for (;;) {
    const Duration left = deadline - runtime_.now();
    const int ready = ::poll(&waited, 1, poll_milliseconds(left));
    if (ready < 0 && errno != EINTR) return false;
    if (is_over(deadline)) return false;  // Also where there is always more to read.
    if (ready > 0) return true;
  }
}

bool TcpLink::is_over() { return is_over(deadline_); }

bool TcpLink::is_over(TimePoint deadline) {
  if (runtime_.now() < deadline) return false;
  timed_out_ = true;
  return true;
}

bool TcpLink::is_disturbed() const noexcept {
  const internal::LocalMutexLock lock(mutex_);
  pollfd waited{.fd = duplicate_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&waited, 1, 0) != 0;
}

void TcpLink::fail(std::string why) {
  if (why_.empty()) why_ = std::move(why);
}

bool TcpLink::adopt(int socket) {
  const internal::LocalMutexLock lock(mutex_);
  duplicate_.reset(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!duplicate_) fail("no descriptor left to abort the exchange by: " + error_text(errno));
  return duplicate_ && !aborted_;
}

}  // namespace deimos
