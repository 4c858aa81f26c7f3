#include "locks/session/held_leases.h"

#include <deimos/internal/assert.h>

namespace deimos {

void HeldLeases::schedule(std::uint64_t number, Entry& entry) {
  entry.deadline = entry.held.acquisition->deadline();
  entry.renewal = entry.held.acquisition->next_renewal();
  if (entry.deadline != TimePoint::max()) by_deadline_.emplace(entry.deadline, number);
  if (entry.renewal != TimePoint::max()) by_renewal_.emplace(entry.renewal, number);
}

void HeldLeases::unschedule(std::uint64_t number, Entry& entry) {
  by_deadline_.erase({entry.deadline, number});
  by_renewal_.erase({entry.renewal, number});
  if (entry.due) due_.erase({entry.due_deadline, number});
  entry.due = false;
}

void HeldLeases::add(Held held) {
  const internal::LocalMutexLock lock(mutex_);
  const std::uint64_t number = ++last_number_;
  const bool is_new = numbers_.emplace(held.acquisition->token(), number).second;
  DEIMOS_ASSERT(is_new, "a token names one acquisition");
  schedule(number, entries_.emplace(number, Entry{.held = std::move(held)}).first->second);
}

std::optional<HeldLeases::Held> HeldLeases::remove(const LockAcquisition& acquisition) {
  const internal::LocalMutexLock lock(mutex_);
  const auto number = numbers_.find(acquisition.token());
  if (number == numbers_.end()) return std::nullopt;
  const auto entry = entries_.find(number->second);
  DEIMOS_ASSERT(entry != entries_.end(), "each token that is listed has its entry");
  unschedule(entry->first, entry->second);
  std::optional<Held> held = std::move(entry->second.held);
  entries_.erase(entry);
  numbers_.erase(number);
  return held;
}

std::shared_ptr<LockAcquisition> HeldLeases::find(const std::string& token) const {
  const internal::LocalMutexLock lock(mutex_);
  const auto number = numbers_.find(token);
  return number == numbers_.end() ? nullptr : entries_.at(number->second).held.acquisition;
}

std::vector<std::shared_ptr<LockAcquisition>> HeldLeases::all() const {
  const internal::LocalMutexLock lock(mutex_);
  std::vector<std::shared_ptr<LockAcquisition>> acquisitions;
  for (const auto& [number, entry] : entries_) acquisitions.push_back(entry.held.acquisition);
  return acquisitions;
}

void HeldLeases::reschedule(const LockAcquisition& acquisition) {
  const internal::LocalMutexLock lock(mutex_);
  const auto number = numbers_.find(acquisition.token());
  if (number == numbers_.end()) return;
  Entry& entry = entries_.at(number->second);
  unschedule(number->second, entry);
  schedule(number->second, entry);
}

std::vector<std::shared_ptr<LockAcquisition>> HeldLeases::take_overdue(TimePoint now) {
  const internal::LocalMutexLock lock(mutex_);
  std::vector<std::shared_ptr<LockAcquisition>> overdue;
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    const std::uint64_t number = by_deadline_.begin()->second;
    by_deadline_.erase(by_deadline_.begin());
    Entry& entry = entries_.at(number);
    entry.deadline = TimePoint::max();
    const TimePoint deadline = entry.held.acquisition->deadline();
    if (deadline <= now) {
      overdue.push_back(entry.held.acquisition);
    } else {  // Renewed, and not yet scheduled anew.
      entry.deadline = deadline;
      by_deadline_.emplace(deadline, number);
    }
  }
  return overdue;
}

TimePoint HeldLeases::next_deadline() const {
  const internal::LocalMutexLock lock(mutex_);
  return by_deadline_.empty() ? TimePoint::max() : by_deadline_.begin()->first;
}

std::size_t HeldLeases::count_newly_due(TimePoint now) {
  const internal::LocalMutexLock lock(mutex_);
  std::size_t count = 0;
  for (; !by_renewal_.empty() && by_renewal_.begin()->first <= now; ++count) {
    const std::uint64_t number = by_renewal_.begin()->second;
    by_renewal_.erase(by_renewal_.begin());
    Entry& entry = entries_.at(number);
    entry.due = true;
    entry.due_deadline = entry.held.acquisition->deadline();
    due_.emplace(entry.due_deadline, number);
  }
  return count;
}

std::pair<std::shared_ptr<LockAcquisition>, TimePoint> HeldLeases::take_due() {
  const internal::LocalMutexLock lock(mutex_);
  if (due_.empty()) return {nullptr, TimePoint::max()};
  Entry& entry = entries_.at(due_.begin()->second);
  DEIMOS_ASSERT(entry.due, "what is in the list of those due says so");
  due_.erase(due_.begin());
  entry.due = false;
  return {entry.held.acquisition, entry.renewal};
}

TimePoint HeldLeases::next_renewal() const {
  const internal::LocalMutexLock lock(mutex_);
  return by_renewal_.empty() ? TimePoint::max() : by_renewal_.begin()->first;
}

}  // namespace deimos
