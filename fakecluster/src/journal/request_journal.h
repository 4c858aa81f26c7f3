// The journal as the cluster keeps it: bounded, written while requests are under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <deimos/fake/journal.h>
#include <deimos/fake/request_handler.h>

#include "faults/seen_request.h"

namespace deimos::fake {

/// Not thread-safe: guarded by the cluster's mutex.
class RequestJournal {
 public:
  /// 0: keeps nothing.
  explicit RequestJournal(std::size_t capacity) noexcept : capacity_(capacity) {}

  /// Whether anybody wants to know of requests.
  [[nodiscard]] bool listens() const noexcept { return capacity_ != 0 || observer_; }
  [[nodiscard]] bool keeps() const noexcept { return capacity_ != 0; }
  void observe(JournalObserver observer) { observer_ = std::move(observer); }

  /// A request has come. Whoever makes the entry's outcome known calls completed().
  std::shared_ptr<JournalEntry> begin(const SeenRequest& seen, Instant now, std::uint64_t connection);
  void completed(JournalEntry& entry, JournalEntry::Outcome outcome, Instant now) const;
  void clear() noexcept;
  /// As if made anew.
  void reset() noexcept;

  /// The oldest `limit` that match.
  [[nodiscard]] Journal find(const JournalFilter& filter, std::size_t limit) const;
  [[nodiscard]] std::uint64_t count(const JournalFilter& filter) const;
  [[nodiscard]] JournalVerdict verify(const JournalFilter& filter, const Times& times) const;

 private:
  /// How many after the entry `since` are gone.
  [[nodiscard]] std::uint64_t forgotten_since(std::uint64_t since) const noexcept;
  [[nodiscard]] std::vector<const JournalEntry*> matching(const JournalFilter& filter) const;
  [[nodiscard]] std::vector<const JournalEntry*> nearest(const JournalFilter& filter) const;

  std::size_t capacity_;
  std::deque<std::shared_ptr<JournalEntry>> entries_;  // Of successive ids; also of those under way.
  std::uint64_t last_ = 0;
  std::uint64_t cleared_ = 0;  // Entries up to this one were cleared away.
  JournalObserver observer_;
};

}  // namespace deimos::fake
