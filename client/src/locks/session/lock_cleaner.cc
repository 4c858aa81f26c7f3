#include "locks/session/lock_cleaner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "locks/session/own_record.h"

namespace deimos {
namespace {

constexpr Duration pause_at_first = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(5);

}  // namespace

LockCleaner::LockCleaner(Runtime& runtime, LockBackend& backend, const LockOptions& options, Report report)
    : runtime_(runtime),
      backend_(backend),
      options_(options),
      report_(std::move(report)),
      arrived_(runtime.make_signal()) {}

void LockCleaner::add(Job job) {
  const TimePoint first = std::max(job.not_before, runtime_.now());
  put_back({.job = std::move(job), .next_try = first, .pause = pause_at_first});
  arrived_->notify();
}

void LockCleaner::put_back(Entry entry) {
  const internal::LocalMutexLock lock(mutex_);
  entries_.push_back(std::move(entry));
}

std::optional<LockCleaner::Entry> LockCleaner::take_due(TimePoint& next) {
  const internal::LocalMutexLock lock(mutex_);
  next = TimePoint::max();
  const auto soonest = std::min_element(entries_.begin(), entries_.end(),
                                        [](const Entry& a, const Entry& b) { return a.next_try < b.next_try; });
  if (soonest == entries_.end()) return std::nullopt;
  next = soonest->next_try;
  if (next > runtime_.now()) return std::nullopt;
  std::optional<Entry> due = std::move(*soonest);
  entries_.erase(soonest);
  return due;
}

void LockCleaner::run(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { arrived_->notify(); });
  while (!stop.stop_requested()) {
    const std::uint64_t seen = arrived_->epoch();
    if (stop.stop_requested()) return;
    TimePoint next;
    if (std::optional<Entry> due = take_due(next)) {
      if (!work_on(*due, stop)) put_back(std::move(*due));
    } else {
      arrived_->wait(seen, next);
    }
  }
}

bool LockCleaner::work_on(Entry& entry, const std::stop_token& stop) {
  if (clean(entry.job, {saturating_add(runtime_.now(), options_.request_timeout), stop})) {
    report_(LockEvent::Kind::cleaned, entry.job);
    return true;
  }
  const TimePoint now = runtime_.now();
  if (now >= entry.job.until) {
    report_(LockEvent::Kind::left_to_expire, entry.job);
    return true;
  }
  const Duration jitter(
      static_cast<Duration::rep>(runtime_.random() % static_cast<std::uint64_t>(entry.pause.count())));
  // One last look when nothing more can turn up.
  entry.next_try = std::min(saturating_add(now, entry.pause / 2 + jitter / 2), entry.job.until);
  entry.pause = std::min(entry.pause * 2, longest_pause);
  return false;
}

bool LockCleaner::clean(Job& job, const Deadline& until) {
  const Result<void> removed =
      job.in_queue ? remove_place(backend_, job.record, until) : remove_record(backend_, job.record, until);
  if (!removed && removed.error().code != errc::lock_not_held) return false;
  if (removed && !job.granted && job.residue.unresolved > 0) {
    --job.residue.unresolved;  // This was one of them.
  }
  job.granted = false;
  return job.residue.unresolved == 0 || runtime_.now() >= job.residue.until;
}

void LockCleaner::finish(TimePoint deadline) noexcept {
  std::vector<Entry> left;
  {
    const internal::LocalMutexLock lock(mutex_);
    left.swap(entries_);
  }
  for (Entry& entry : left) {
    bool done = false;
    try {
      done = runtime_.now() < deadline && clean(entry.job, {deadline, {}});
    } catch (...) {  // Whatever a store throws: the lease ends by itself.
    }
    report_(done ? LockEvent::Kind::cleaned : LockEvent::Kind::left_to_expire, entry.job);
  }
}

}  // namespace deimos
