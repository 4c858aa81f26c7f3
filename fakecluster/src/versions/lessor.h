// When leases end, by the clock of whoever leads: a leader's own knowledge, which is in no log and goes with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <deimos/fake/clock.h>

#include "versions/version_store.h"

namespace deimos::fake::versions {

/// Not thread-safe.
class Lessor {
 public:
  using Leases = std::map<std::int64_t, VersionStore::Lease>;

  /// Leads in `term` since `since`, by its clock: as nobody knows what was left of any lease, each has all its time
  /// again, and `extension` for its owner to find the new leader. Nothing if it did before.
  void lead(std::uint64_t term, Instant since, std::chrono::nanoseconds extension, const Leases& leases);
  /// It was granted, or kept alive.
  void renew(std::int64_t lease, std::int64_t ttl, Instant now);
  void forget(std::int64_t lease);

  [[nodiscard]] std::optional<Instant> end_of(std::int64_t lease) const;
  /// When the next one ends; Instant::max() if none does.
  [[nodiscard]] Instant next_end() const noexcept;
  /// Those that have ended by then, at most so many; the earliest first.
  [[nodiscard]] std::vector<std::int64_t> ended(Instant now, std::size_t most) const;
  /// All of them, the earliest first.
  [[nodiscard]] std::vector<std::int64_t> in_order() const;

 private:
  std::uint64_t term_ = 0;
  std::map<std::int64_t, Instant> ends_;
  std::set<std::pair<Instant, std::int64_t>> order_;
};

}  // namespace deimos::fake::versions
