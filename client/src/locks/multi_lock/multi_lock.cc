#include <deimos/multi_lock.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "locks/local/local_lock.h"

namespace deimos {

LockPart::LockPart(std::string name, Result<std::shared_ptr<LocalLock>> lock, Acquire acquire)
    : name_(std::move(name)), lock_(std::move(lock)), acquire_(std::move(acquire)) {}

LockPart::LockPart(Mutex mutex)
    : LockPart(mutex.name(), mutex.state_, [mutex](const AcquireOptions& options, const std::stop_token& stop) {
        return mutex.acquire(options, stop);
      }) {}

LockPart::LockPart(SharedMutex mutex)
    : LockPart(mutex.name(), mutex.state_, [mutex](const AcquireOptions& options, const std::stop_token& stop) {
        return mutex.acquire(options, stop);
      }) {}

LockPart LockPart::shared(SharedMutex mutex) {
  return {mutex.name(), mutex.state_, [mutex](const AcquireOptions& options, const std::stop_token& stop) {
            return mutex.acquire_shared(options, stop);
          }};
}

LockPart LockPart::permits(Semaphore semaphore, int permits) {
  return {semaphore.name(), semaphore.state_,
          [semaphore, permits](const AcquireOptions& options, const std::stop_token& stop) {
            return semaphore.acquire(permits, options, stop);
          }};
}

/// Triggers one stop_token when the first of many is triggered.
struct MultiHold::Losses {
  struct Forward {
    std::stop_source source;
    void operator()() const noexcept {
      std::stop_source copy = source;
      copy.request_stop();
    }
  };
  std::stop_source any;
  std::vector<std::unique_ptr<std::stop_callback<Forward>>> forwards;
};

MultiHold::MultiHold(std::vector<Hold> holds) : holds_(std::move(holds)), losses_(std::make_shared<Losses>()) {
  for (const Hold& hold : holds_) {
    losses_->forwards.push_back(
        std::make_unique<std::stop_callback<Losses::Forward>>(hold.lost(), Losses::Forward{losses_->any}));
  }
}

MultiHold& MultiHold::operator=(MultiHold&& other) noexcept {
  if (this != &other) {
    const MultiHold ended(std::move(*this));
    holds_ = std::move(other.holds_);
    losses_ = std::move(other.losses_);
  }
  return *this;
}

MultiHold::~MultiHold() {
  try {
    (void)release();
  } catch (...) {  // Out of memory: the leases end by themselves.
  }
}

std::stop_token MultiHold::lost() const noexcept { return losses_ ? losses_->any.get_token() : std::stop_token(); }

bool MultiHold::is_held() const {
  return !holds_.empty() && std::ranges::all_of(holds_, [](const Hold& hold) { return hold.is_held(); });
}

TimePoint MultiHold::expires_at() const {
  TimePoint first = TimePoint::max();
  for (const Hold& hold : holds_) first = std::min(first, hold.expires_at());
  return first;
}

Result<void> MultiHold::release() {
  Result<void> end;
  while (!holds_.empty()) {
    const Result<Release> released = holds_.back().release();
    if (!released && end) end = tl::unexpected<Error>(released.error());
    holds_.pop_back();
  }
  return end;
}

Result<MultiHold> MultiLock::acquire(const AcquireOptions& options, std::stop_token stop) const {
  if (parts_.empty()) return fail(errc::invalid_argument, "a MultiLock of no locks");
  for (const LockPart& part : parts_) {
    if (!part.lock_) return tl::unexpected<Error>(part.lock_.error());
  }
  Runtime& runtime = (*parts_.front().lock_)->session().runtime();
  const TimePoint deadline = saturating_add(runtime.now(), options.wait);
  std::size_t first = 0;
  constexpr Duration first_pause = std::chrono::milliseconds(2);
  constexpr int most_doublings = 8;  // To about half a second.
  for (int round = 0;; ++round) {
    std::size_t refused = first;
    Result<std::vector<Hold>> holds = acquire_after(first, options, deadline, stop, refused);
    if (holds) {
      MultiHold all(std::move(*holds));
      if (all.is_held()) return all;
      continue;  // One was lost while the others were waited for.
    }
    const std::error_code& code = holds.error().code;
    const bool may_pass = code == condition::retryable || code == errc::outcome_unknown;
    if (refused == first || !may_pass || runtime.now() >= deadline || stop.stop_requested())
      return tl::unexpected<Error>(std::move(holds.error()));
    // The one that was not free is waited for next, after a while that differs from that of the others who do so.
    first = refused;
    const Duration longest = first_pause * (1 << std::min(round, most_doublings));
    const Duration pause(static_cast<Duration::rep>(runtime.random() % static_cast<std::uint64_t>(longest.count())));
    runtime.sleep_until(std::min(saturating_add(runtime.now(), pause), deadline), stop);
  }
}

Result<std::vector<Hold>> MultiLock::acquire_after(std::size_t first, const AcquireOptions& options, TimePoint deadline,
                                                   const std::stop_token& stop, std::size_t& refused) const {
  Runtime& runtime = (*parts_.front().lock_)->session().runtime();
  std::vector<std::optional<Hold>> held(parts_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::size_t part = (first + i) % parts_.size();
    AcquireOptions wishes = options;
    const bool waits = i == 0 && options.wait > Duration::zero();
    wishes.wait = waits ? std::max(deadline - runtime.now(), Duration(1)) : Duration::zero();
    if (waits && deadline == TimePoint::max()) wishes.wait = Duration::max();
    Result<Hold> hold = parts_[part].acquire_(wishes, stop);
    if (!hold) {
      refused = part;
      for (std::size_t given = i; given-- > 0;) held[(first + given) % parts_.size()].reset();
      return tl::unexpected<Error>(std::move(hold.error()));
    }
    held[part] = std::move(*hold);
  }
  std::vector<Hold> holds;
  holds.reserve(held.size());
  for (std::optional<Hold>& hold : held) holds.push_back(std::move(*hold));
  return holds;
}

}  // namespace deimos
