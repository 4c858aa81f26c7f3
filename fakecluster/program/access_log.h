// What deimos-fake writes of each request.
#pragma once

#include <cstddef>

#include <deimos/fake/http_server_options.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

/// One line a request, to standard error: when it was answered, what it was, its status and how long it took. Lines are
/// left out, and counted, while nobody reads a pipe that is full: no request waits for them. Thread-safe.
class AccessLog {
 public:
  void write(const HttpAccess& access);

 private:
  internal::LocalMutex mutex_;
  std::size_t left_out_ DEIMOS_GUARDED_BY(mutex_) = 0;
};

}  // namespace deimos::fake
