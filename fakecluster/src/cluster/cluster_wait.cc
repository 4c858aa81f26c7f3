// A cluster's wait for a condition: by moving its own clock, or while time goes by.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>
#include <deimos/internal/saturating_time.h>

#include "cluster/cluster_core.h"
#include "cluster/cluster_core_state.h"
#include "cluster/condition_check.h"
#include "faults/fault_text.h"

namespace deimos::fake {

WaitResult ClusterCore::wait_until(const Condition& condition, const WaitOptions& options,
                                   const std::stop_token& stop) {
  validate(condition, size());
  if (options.within.count() < 0) {
    throw std::invalid_argument(internal::broken_rule("within must not be negative", options.within));
  }
  if (options.settle.count() < 0) {
    throw std::invalid_argument(internal::broken_rule("settle must not be negative", options.settle));
  }
  {
    const internal::LocalMutexLock lock(mutex_);
    if (std::holds_alternative<JournalHas>(condition)) (void)kept_journal();
  }
  return options_.clock == nullptr ? advance_until(condition, options, stop) : await(condition, options, stop);
}

ConditionCheck ClusterCore::check() { return {parts_->consensus, parts_->replicas, context_.journal}; }

WaitResult ClusterCore::result(const Condition& condition, Instant begin, std::string_view ended_by) {
  const ConditionCheck::Finding found = check().look(condition);
  WaitResult result{found.holds, now(), std::max(now() - begin, Instant::duration{}), found.text};
  if (found.holds) return result;
  result.text = std::string(ended_by) + " without: " + describe(condition) + ". " + found.text;
  return result;
}

WaitResult ClusterCore::advance_until(const Condition& condition, const WaitOptions& options,
                                      const std::stop_token& stop) {
  internal::LocalMutexLock lock(mutex_);
  const Instant begin = own_clock_.now();
  const Instant deadline = internal::saturating_sum(begin, options.within);
  const std::uint64_t resets = resets_;
  const auto over = [&] {
    mutex_.assert_held();
    return resets != resets_ || closed_ || check().is_so(condition);
  };
  // Clients have real time to act on what happened.
  const auto settle = [&] {
    mutex_.assert_held();
    if (options.settle.count() == 0) return over();
    ++waiters_;
    const bool is_over = changed_.wait_for(lock, stop, options.settle, over);
    --waiters_;
    return is_over;
  };
  while (!settle()) {
    const Instant due = first_due();
    if (due > deadline || due == Instant::max() || stop.stop_requested()) {
      if (!stop.stop_requested()) own_clock_.set(std::max(deadline, own_clock_.now()));
      settle();
      break;
    }
    own_clock_.set(std::max(due, own_clock_.now()));
    run_until(own_clock_.now());
  }
  return result(condition, begin, how_it_ended(resets, stop, options.within));
}

WaitResult ClusterCore::await(const Condition& condition, const WaitOptions& options, const std::stop_token& stop) {
  Instant begin;
  Instant deadline;
  TimedEvents::Id alarm;
  std::uint64_t resets = 0;
  {
    // Whoever keeps time then calls, and so wakes us.
    const Call call(*this);
    begin = now();
    deadline = internal::saturating_sum(begin, options.within);
    resets = resets_;
    alarm = context_.events.add(deadline, [] {});
  }
  internal::LocalMutexLock lock(mutex_);
  ++waiters_;
  changed_.wait(lock, stop, [&] {
    mutex_.assert_held();
    return resets != resets_ || closed_ || now() >= deadline || check().is_so(condition);
  });
  --waiters_;
  if (resets == resets_) context_.events.cancel(alarm);
  return result(condition, begin, how_it_ended(resets, stop, options.within));
}

std::string ClusterCore::how_it_ended(std::uint64_t resets, const std::stop_token& stop,
                                      std::chrono::nanoseconds within) {
  if (stop.stop_requested()) return "the wait was stopped";
  if (closed_) return "the cluster was closed";
  if (resets != resets_) return "the cluster was reset";
  return duration_text(within) + " passed";
}

}  // namespace deimos::fake
