#include "access_log.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>

#include <deimos/internal/one_line.h>

namespace deimos::fake {
namespace {

std::string line_of(const HttpAccess& access) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::system_clock::now();
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  const auto part = std::chrono::floor<milliseconds>(now.time_since_epoch()) % std::chrono::seconds(1);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> when{};
  std::strftime(when.data(), when.size(), "%FT%T", &parts);
  // A line that fits into a pipe at once is written whole or not at all.
  constexpr std::size_t longest_target = PIPE_BUF - 200;
  const auto named = [](const std::string& text) {
    return text.empty() ? std::string("-") : internal::one_line(text.substr(0, 100));
  };
  const std::string target = access.target.empty() ? "-" : internal::one_line(access.target).substr(0, longest_target);
  std::array<char, PIPE_BUF> line{};
  const int size = std::snprintf(line.data(), line.size(), "%s.%03dZ %s %s %d %.3fms\n", when.data(),
                                 static_cast<int>(part.count()), named(access.method).c_str(), target.c_str(),
                                 access.status, std::chrono::duration<double, std::milli>(access.duration).count());
  return {line.data(), static_cast<std::size_t>(size)};
}

/// False if it would have to wait.
bool try_write(std::string_view line) {
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&writable, 1, 0) == 0) return false;
  return ::write(STDERR_FILENO, line.data(), line.size()) >= 0;
}

}  // namespace

void AccessLog::write(const HttpAccess& access) {
  const std::string line = line_of(access);
  const internal::LocalMutexLock lock(mutex_);
  if (left_out_ > 0 && try_write("(" + std::to_string(left_out_) + " lines left out)\n")) left_out_ = 0;
  if (left_out_ > 0 || !try_write(line)) ++left_out_;
}

}  // namespace deimos::fake
