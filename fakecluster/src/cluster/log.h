// The committed log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>

#include <deimos/internal/assert.h>

#include "cluster/proposal.h"

namespace deimos::fake {

/// Positions count from 1.
class Log {
 public:
  /// Returns its position.
  std::uint64_t append(LogEntry entry) {
    bytes_ += entry.proposal.size();
    entries_.push_back(std::move(entry));
    return last();
  }
  /// Counts an entry that nobody needs, and keeps nothing. Only while the log is empty.
  void skip() noexcept { ++forgotten_; }
  [[nodiscard]] std::uint64_t last() const noexcept { return forgotten_ + entries_.size(); }
  /// The first one kept, or the next one if none is.
  [[nodiscard]] std::uint64_t first() const noexcept { return forgotten_ + 1; }
  /// How many are kept, and about how much memory they take.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] LogEntry& at(std::uint64_t position) noexcept {
    DEIMOS_ASSERT(position > forgotten_ && position <= last(), "whoever lacks a forgotten entry restores a snapshot");
    return entries_[static_cast<std::size_t>(position - forgotten_ - 1)];
  }
  /// Drops everything up to that position.
  void forget(std::uint64_t position) {
    for (; forgotten_ < position && !entries_.empty(); ++forgotten_) {
      bytes_ -= entries_.front().proposal.size();
      entries_.pop_front();
    }
  }

 private:
  std::deque<LogEntry> entries_;
  std::uint64_t forgotten_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace deimos::fake
