#include "versions/version_store.h"

#include <algorithm>
#include <utility>

namespace deimos::fake::versions {
namespace {

constexpr std::size_t bytes_of_version = 100;

auto attribute(const KeyValue& pair, Attribute target) {
  switch (target) {
    case Attribute::version: return pair.version;
    case Attribute::create_revision: return pair.create_revision;
    case Attribute::lease: return pair.lease;
    default: return pair.mod_revision;
  }
}

bool sorts_before(const KeyValue& one, const KeyValue& other, Attribute target) {
  if (target == Attribute::key) return one.key < other.key;
  if (target == Attribute::value) return one.value < other.value;
  return attribute(one, target) < attribute(other, target);
}

void sort(std::vector<KeyValue>& pairs, const RangeRequest& request) {
  SortOrder order = request.order;
  if (order == SortOrder::none && request.target != Attribute::key) order = SortOrder::ascend;
  if (order == SortOrder::none || order == SortOrder::unknown) return;
  std::stable_sort(pairs.begin(), pairs.end(), [&](const KeyValue& one, const KeyValue& other) {
    return order == SortOrder::ascend ? sorts_before(one, other, request.target)
                                      : sorts_before(other, one, request.target);
  });
}

bool is_left_out(const KeyValue& pair, const RangeRequest& request) {
  const auto outside = [](std::int64_t number, std::int64_t least, std::int64_t most) {
    return (least != 0 && number < least) || (most != 0 && number > most);
  };
  return outside(pair.mod_revision, request.min_mod_revision, request.max_mod_revision) ||
         outside(pair.create_revision, request.min_create_revision, request.max_create_revision);
}

/// How many of the first keys are looked at: all, if which are wanted shows only then.
std::int64_t to_fetch(const RangeRequest& request) {
  const bool all = request.limit <= 0 || request.order != SortOrder::none || request.min_mod_revision != 0 ||
                   request.max_mod_revision != 0 || request.min_create_revision != 0 ||
                   request.max_create_revision != 0;
  return all ? INT64_MAX : request.limit == INT64_MAX ? request.limit : request.limit + 1;
}

}  // namespace

// Reading.

std::pair<VersionStore::Keys::const_iterator, VersionStore::Keys::const_iterator> VersionStore::keys_in(
    const KeyRange& range) const {
  const auto first = keys_.lower_bound(range.key);
  if (range.end.empty()) return {first, first != keys_.end() && first->first == range.key ? std::next(first) : first};
  if (range.has_no_end()) return {first, keys_.end()};
  if (range.end <= range.key) return {first, first};
  return {first, keys_.lower_bound(range.end)};
}

/// Null if it was not there then.
const VersionStore::Version* VersionStore::version_at(const Versions& versions, std::int64_t revision) noexcept {
  const auto behind =
      std::upper_bound(versions.begin(), versions.end(), revision,
                       [](std::int64_t wanted, const Version& version) { return wanted < version.revision; });
  if (behind == versions.begin() || std::prev(behind)->version == 0) return nullptr;
  return &*std::prev(behind);
}

KeyValue VersionStore::pair_of(const std::string& key, const Version& version) {
  return {key, version.value, version.created, version.revision, version.version, version.lease};
}

std::optional<KeyValue> VersionStore::at(std::string_view key, std::int64_t revision) const {
  const auto found = keys_.find(key);
  if (found == keys_.end() || revision < compacted_) return std::nullopt;
  const Version* const version = version_at(found->second, revision);
  return version == nullptr ? std::nullopt : std::optional(pair_of(found->first, *version));
}

std::vector<VersionEvent> VersionStore::history(const KeyRange& range, std::int64_t from) const {
  std::vector<VersionEvent> events;
  for (auto change = changes_.lower_bound({from, 0}); change != changes_.end(); ++change) {
    const auto& [place, key] = *change;
    if (!range.contains(key)) continue;
    const Versions& versions = keys_.find(key)->second;
    const auto version =
        std::lower_bound(versions.begin(), versions.end(), place, [](const Version& each, const Place& wanted) {
          return Place{each.revision, each.place} < wanted;
        });
    events.push_back({pair_of(key, *version)});
  }
  return events;
}

tl::expected<RangeAnswer, Refusal> VersionStore::range(const RangeRequest& request) const {
  return range_as_of(request, revision_);
}

/// `latest`: the revision as whoever asks sees it, in the middle of a transaction too.
tl::expected<RangeAnswer, Refusal> VersionStore::range_as_of(const RangeRequest& request, std::int64_t latest) const {
  if (request.revision > latest) return tl::unexpected(Refusal::future_revision);
  const std::int64_t revision = request.revision <= 0 ? latest : request.revision;
  if (revision < compacted_) return tl::unexpected(Refusal::compacted);
  RangeAnswer answer{.revision = latest};
  const std::int64_t most = request.count_only ? 0 : to_fetch(request);
  const auto [first, end] = keys_in(request.range);
  for (auto key = first; key != end; ++key) {
    const Version* const version = version_at(key->second, revision);
    if (version != nullptr && answer.count++ < most) answer.pairs.push_back(pair_of(key->first, *version));
  }
  std::erase_if(answer.pairs, [&](const KeyValue& pair) { return is_left_out(pair, request); });
  sort(answer.pairs, request);
  if (request.limit > 0 && answer.pairs.size() > static_cast<std::uint64_t>(request.limit)) {
    answer.pairs.resize(static_cast<std::size_t>(request.limit));
    answer.more = true;
  }
  if (request.keys_only) {
    for (KeyValue& pair : answer.pairs) pair.value.clear();
  }
  return answer;
}

// Writing.

void VersionStore::add(const std::string& key, Version version) {
  const auto found = keys_.try_emplace(key).first;
  Versions& versions = found->second;
  const bool was_there = !versions.empty() && versions.back().version != 0;
  if (was_there) detach(versions.back().lease, key);
  if (version.version != 0) attach(version.lease, key);
  size_ = size_ - (was_there ? 1 : 0) + (version.version != 0 ? 1 : 0);
  bytes_ += bytes_of_version + 2 * key.size() + version.value.size();
  changes_.emplace(Place{version.revision, version.place}, key);
  versions.push_back(std::move(version));
}

void VersionStore::forget(Keys::iterator key, std::size_t versions) {
  const auto first = key->second.begin();
  const auto end = first + static_cast<std::ptrdiff_t>(versions);
  for (auto version = first; version != end; ++version) {
    bytes_ -= bytes_of_version + 2 * key->first.size() + version->value.size();
    changes_.erase({version->revision, version->place});
  }
  key->second.erase(first, end);
}

void VersionStore::attach(std::int64_t lease, const std::string& key) {
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.keys.insert(key);
}

void VersionStore::detach(std::int64_t lease, const std::string& key) {
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.keys.erase(key);
}

/// Of each key the version that was valid at that revision stays, and whatever came later.
tl::expected<ChangeAnswer, Refusal> VersionStore::compact(const CompactionRequest& request) {
  if (request.revision <= compacted_) return tl::unexpected(Refusal::compacted);
  if (request.revision > revision_) return tl::unexpected(Refusal::future_revision);
  compacted_ = request.revision;
  for (auto key = keys_.begin(); key != keys_.end();) {
    const Versions& versions = key->second;
    const auto later = std::find_if(versions.begin(), versions.end(),
                                    [&](const Version& version) { return version.revision > compacted_; });
    auto old = static_cast<std::size_t>(later - versions.begin());
    if (old != 0 && versions[old - 1].version != 0) --old;
    forget(key, old);
    key = key->second.empty() ? keys_.erase(key) : std::next(key);
  }
  return CompactionAnswer{revision_};
}

tl::expected<ChangeAnswer, Refusal> VersionStore::grant(const GrantRequest& request) {
  if (request.id == 0) return tl::unexpected(Refusal::lease_not_found);
  if (request.ttl > longest_ttl) return tl::unexpected(Refusal::ttl_too_large);
  const Lease lease{std::max(request.ttl, shortest_ttl)};
  if (!leases_.emplace(request.id, lease).second) return tl::unexpected(Refusal::lease_exists);
  return GrantAnswer{revision_, request.id, lease.ttl};
}

}  // namespace deimos::fake::versions
