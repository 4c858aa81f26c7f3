// What deimos-fake writes of each request.
#pragma once

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

#include <deimos/fake/http_server.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

/// One line a request, to standard error: when it was answered, what it was, its status and how long it took.
/// Thread-safe.
class AccessLog {
 public:
  void write(const HttpAccess& access) {
    using std::chrono::milliseconds;
    const auto now = std::chrono::system_clock::now();
    const std::time_t time = std::chrono::system_clock::to_time_t(now);
    const auto part = std::chrono::floor<milliseconds>(now.time_since_epoch()) % std::chrono::seconds(1);
    std::tm parts{};
    gmtime_r(&time, &parts);
    std::array<char, 32> when{};
    std::strftime(when.data(), when.size(), "%FT%T", &parts);
    const auto named = [](const std::string& text) { return text.empty() ? "-" : text.c_str(); };
    const internal::LocalMutexLock lock(mutex_);
    std::fprintf(stderr, "%s.%03dZ %s %s %d %.3fms\n", when.data(), static_cast<int>(part.count()),
                 named(access.method), named(access.target), access.status,
                 std::chrono::duration<double, std::milli>(access.duration).count());
  }

 private:
  internal::LocalMutex mutex_;
};

}  // namespace deimos::fake
