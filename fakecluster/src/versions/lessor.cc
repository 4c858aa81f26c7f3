#include "versions/lessor.h"

#include <algorithm>
#include <chrono>

#include <deimos/internal/saturating_time.h>

namespace deimos::fake::versions {
namespace {

Instant end_after(Instant from, std::int64_t ttl) {
  constexpr std::int64_t longest = std::chrono::nanoseconds::max().count() / 1'000'000'000;
  return internal::saturating_sum(from, std::chrono::seconds(std::min(ttl, longest)));
}

}  // namespace

void Lessor::lead(std::uint64_t term, Instant since, std::chrono::nanoseconds extension, const Leases& leases) {
  if (term == term_) return;
  term_ = term;
  ends_.clear();
  order_.clear();
  for (const auto& [id, lease] : leases) renew(id, lease.ttl, internal::saturating_sum(since, extension));
}

void Lessor::renew(std::int64_t lease, std::int64_t ttl, Instant now) {
  forget(lease);
  const Instant end = end_after(now, ttl);
  ends_.emplace(lease, end);
  order_.emplace(end, lease);
}

void Lessor::forget(std::int64_t lease) {
  const auto found = ends_.find(lease);
  if (found == ends_.end()) return;
  order_.erase({found->second, lease});
  ends_.erase(found);
}

std::optional<Instant> Lessor::end_of(std::int64_t lease) const {
  const auto found = ends_.find(lease);
  return found == ends_.end() ? std::nullopt : std::optional(found->second);
}

Instant Lessor::next_end() const noexcept { return order_.empty() ? Instant::max() : order_.begin()->first; }

std::vector<std::int64_t> Lessor::ended(Instant now, std::size_t most) const {
  std::vector<std::int64_t> leases;
  for (const auto& [end, lease] : order_) {
    if (end > now || leases.size() == most) break;
    leases.push_back(lease);
  }
  return leases;
}

std::vector<std::int64_t> Lessor::in_order() const {
  std::vector<std::int64_t> leases;
  for (const auto& [end, lease] : order_) leases.push_back(lease);
  return leases;
}

}  // namespace deimos::fake::versions
