// The committed log, as far as some node still needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include "cluster/proposal.h"

namespace deimos::fake {

/// Positions count from 1.
class Log {
 public:
  /// Returns its position.
  std::uint64_t append(LogEntry entry) {
    entries_.push_back(std::move(entry));
    return last();
  }
  /// An entry that nobody needs: it is counted and not kept. Only while nothing is.
  void skip() noexcept { ++forgotten_; }
  [[nodiscard]] std::uint64_t last() const noexcept { return forgotten_ + entries_.size(); }
  /// How many are kept.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] LogEntry& at(std::uint64_t position) noexcept {
    return entries_[static_cast<std::size_t>(position - forgotten_ - 1)];
  }
  /// Everything up to that position has been applied everywhere.
  void forget(std::uint64_t position) {
    for (; forgotten_ < position && !entries_.empty(); ++forgotten_) entries_.pop_front();
  }

 private:
  std::deque<LogEntry> entries_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace deimos::fake
