// Tells what happens as it happens, with the time since the start; from several threads, a line at a time.
#pragma once

#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>

class Narrator {
 public:
  void title(const std::string& text) {
    const std::lock_guard lock(mutex_);
    std::printf("\n%s\n", text.c_str());
    std::fflush(stdout);
  }

  void say(const std::string& who, const std::string& what) {
    const std::lock_guard lock(mutex_);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start_;
    std::printf("%6.3f s  %-6s %s\n", elapsed.count(), who.c_str(), what.c_str());
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};
