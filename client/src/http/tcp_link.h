// One TCP connection whose every wait ends at a deadline, or at once when it is aborted from elsewhere.
#pragma once

#include <optional>
#include <string>

#include <deimos/internal/descriptor.h>
#include <deimos/internal/export.h>
#include <deimos/internal/local_mutex.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

#include "wire/endpoint_url.h"

namespace deimos {

/// What lies between the system's sockets and the code that speaks a protocol: it opens the socket (which that code
/// closes), and waits on it. It keeps a duplicate of the descriptor, so that abort() can neither hit a reused number
/// nor be kept waiting. Used by one exchange at a time; abort() from anywhere.
class DEIMOS_EXPORT TcpLink {
 public:
  explicit TcpLink(Runtime& runtime) noexcept : runtime_(runtime) {}

  /// Begins an exchange: forgets what happened in the one before.
  void begin(TimePoint deadline, Duration connect_timeout) noexcept;
  /// From now on every wait ends at `deadline`.
  void limit(TimePoint deadline) noexcept { deadline_ = deadline; }
  /// Ends the exchange's waits now and to come, and the connection with it.
  void abort(Failure::Reason reason) noexcept;
  [[nodiscard]] std::optional<Failure::Reason> aborted() const;

  /// A non-blocking socket connected to `url`, or -1: why() says why.
  [[nodiscard]] int open(const EndpointUrl& url);
  /// Waits until `socket` may be read (or written). False at the deadline or when aborted.
  [[nodiscard]] bool wait_readable(int socket);
  [[nodiscard]] bool wait_writable(int socket);
  /// The exchange's deadline has passed.
  [[nodiscard]] bool is_over();
  /// The other side has sent something that nobody asked for, or has closed the connection.
  [[nodiscard]] bool is_disturbed() const noexcept;

  /// The first failure of the exchange.
  void fail(std::string why);
  [[nodiscard]] const std::string& why() const noexcept { return why_; }
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }

 private:
  [[nodiscard]] bool wait(int socket, short events, TimePoint deadline);
  [[nodiscard]] bool is_over(TimePoint deadline);
  /// Keeps a duplicate for abort(); false if there can be none, or the exchange was aborted before.
  [[nodiscard]] bool adopt(int socket);

  Runtime& runtime_;
  TimePoint deadline_;
  Duration connect_timeout_{};
  bool timed_out_ = false;
  std::string why_;

  mutable internal::LocalMutex mutex_;
  internal::Descriptor duplicate_ DEIMOS_GUARDED_BY(mutex_);
  std::optional<Failure::Reason> aborted_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos
