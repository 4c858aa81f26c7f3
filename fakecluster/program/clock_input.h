// The lines of standard input that move deimos-fake's manual clock.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>

#include <deimos/fake/cluster.h>

namespace deimos::fake {

class ClockInput {
 public:
  explicit ClockInput(Cluster& cluster) : cluster_(cluster) {}

  /// Takes what has come; false at the end of the input.
  bool read() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return false;
    pending_.append(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end = 0; (end = pending_.find('\n')) != std::string::npos; pending_.erase(0, end + 1)) {
      obey(std::string_view(pending_).substr(0, end));
    }
    return true;
  }

 private:
  void obey(std::string_view line) {
    using std::chrono::milliseconds;
    constexpr std::string_view verb = "advance ";
    const std::string_view digits = line.substr(std::min(verb.size(), line.size()));
    std::uint32_t amount = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), amount);
    if (!line.starts_with(verb) || error != std::errc() || end != digits.data() + digits.size()) {
      std::cerr << "deimos-fake: expected 'advance MILLISECONDS', got '" << line << "'" << std::endl;
      return;
    }
    cluster_.advance(milliseconds(amount));
    std::cout << "now " << std::chrono::floor<milliseconds>(cluster_.now().time_since_epoch()).count() << std::endl;
  }

  Cluster& cluster_;
  std::string pending_;
};

}  // namespace deimos::fake
