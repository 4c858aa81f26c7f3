// A sleep in real time that another thread can end.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>

namespace deimos::testkit {

/// A pipe, because that survives fork(): a child in which the sleeper does not exist can destroy it, which would block
/// for ever on a condition variable.
class WakeUp {
 public:
  static constexpr std::chrono::milliseconds never{-1};

  WakeUp() {
    if (::pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe");
  }
  ~WakeUp() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  /// The sleep that is under way, or else the next one, ends. If the pipe is full, it will anyway.
  void ring() noexcept { static_cast<void>(!::write(ends_[1], "", 1)); }
  /// May end early.
  void sleep(std::chrono::milliseconds at_most) noexcept {
    pollfd ringing{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (::poll(&ringing, 1, static_cast<int>(at_most.count())) <= 0) return;
    std::array<char, 64> bytes{};
    static_cast<void>(!::read(ends_[0], bytes.data(), bytes.size()));
  }

 private:
  std::array<int, 2> ends_{};
};

}  // namespace deimos::testkit
