// What the lock protects, and its own last line of defence: it takes no write with a lower fencing token than one that
// it has seen. So a holder that does not know yet that it has lost the lock can do no harm.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

class GuardedReport {
 public:
  struct Line {
    std::string writer;
    std::uint64_t token = 0;
    std::string text;
  };

  /// Whether the line was taken.
  bool write(const std::string& writer, std::uint64_t token, const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (token < highest_token_) {
      ++refused_;
      return false;
    }
    highest_token_ = token;
    lines_.push_back({writer, token, text});
    changed_.notify_all();
    return true;
  }

  /// Waits for a write by a later holder; false if there is none in time.
  bool wait_for_token_above(std::uint64_t token, std::chrono::seconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return highest_token_ > token; });
  }

  [[nodiscard]] std::vector<Line> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  [[nodiscard]] int refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t highest_token_ = 0;
  int refused_ = 0;
  std::vector<Line> lines_;
};
