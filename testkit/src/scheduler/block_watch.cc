#include "scheduler/block_watch.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include <deimos/testkit/history.h>

#include "scheduler/fiber.h"

namespace deimos::testkit {
namespace {

constexpr std::size_t history_shown = 30;

std::uint64_t in_looks(Duration limit) {
  return static_cast<std::uint64_t>((limit + BlockWatch::interval - Duration(1)) / BlockWatch::interval);
}

/// `1.2 s`.
std::string describe_looks(std::uint64_t looks) {
  const auto tenths = looks * static_cast<std::uint64_t>(BlockWatch::interval.count()) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

void write_to_standard_error(const std::string& report) {
  const std::string line = report + "\n";
  static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

std::shared_ptr<BlockWatch> BlockWatch::of_this_thread() {
  thread_local std::shared_ptr<BlockWatch> watch;
  if (!watch) watch = std::make_shared<BlockWatch>();
  // ThreadSanitizer lets no thread be started where there had been several before a fork().
  if (watch->process_ != ::getpid()) return nullptr;
  return watch;
}

BlockWatch::BlockWatch() : watched_thread_(this_thread()), process_(::getpid()), thread_([this] { run(); }) {}

BlockWatch::~BlockWatch() {
  if (process_ == ::getpid()) {
    stopping_ = true;
    wake_up_.ring();
  } else {
    thread_.detach();  // A forked child has only the thread that forked: there is nothing to join.
  }
}

BlockWatch::Scope::Scope(Turn& turn, const WatchOrder& order) {
  if (order.limit == Duration::zero()) return;
  watch_ = of_this_thread();
  if (!watch_) return;
  outer_turn_ = watch_->turn_;
  outer_order_ = watch_->order_;
  watch_->watch(&turn, &order);
}

BlockWatch::Scope::~Scope() {
  if (watch_) watch_->watch(outer_turn_, outer_order_);
}

void BlockWatch::watch(Turn* turn, const WatchOrder* order) {
  const internal::LocalMutexLock lock(mutex_);
  turn_ = turn;
  order_ = order;
  seen_ = 0;
  if (turn != nullptr && std::exchange(asleep_, false)) wake_up_.ring();
}

std::string BlockWatch::Scope::found() {
  const internal::LocalMutexLock lock(watch_->mutex_);
  if (!watch_->reported_blocked_) return "";
  return watch_->subject() + " blocked for real for " + describe_looks(watch_->lasted_) + " in " + watch_->where_;
}

void BlockWatch::Scope::let_go() {
  if (watch_) const internal::LocalMutexLock lock(watch_->mutex_);
}

void BlockWatch::run() {
  while (!stopping_) wake_up_.sleep(look() ? interval : WakeUp::never);
}

bool BlockWatch::look() {
  const internal::LocalMutexLock lock(mutex_);
  asleep_ = turn_ == nullptr;
  if (asleep_) return false;
  ++looks_;
  const std::uint64_t turn = turn_->number_.load(std::memory_order_acquire);
  if (turn % 2 == 1 && turn == seen_) {
    consider(turn);
  } else {
    seen_ = turn;
    lasted_ = blocked_ = 0;
    reported_ = reported_blocked_ = false;
  }
  return true;
}

/// Of a task that merely computes nobody can say that it never comes back, and sanitizers make it ten times as slow: it
/// gets more time.
void BlockWatch::consider(std::uint64_t turn) {
  constexpr std::uint64_t limits_blocked = 10;
  constexpr std::uint64_t limits_computing = 60;
  ThreadActivity activity = activity_of(watched_thread_);
  if (activity.kind == ThreadActivity::Kind::stopped) return;
  ++lasted_;
  if (activity.kind == ThreadActivity::Kind::blocked) {
    ++blocked_;
    where_ = std::move(activity.where);
  }
  const std::uint64_t limit = in_looks(order_->limit);
  const std::string has_run = subject() + " has run for " + describe_looks(lasted_) + " of real time at " +
                              describe_time(Duration(turn_->at_.load(std::memory_order_acquire)));
  if (turn_->number_.load(std::memory_order_acquire) != turn) return;  // Else it may be about another.
  if (blocked_ >= limit && !std::exchange(reported_blocked_, true)) {
    reported_ = true;
    report(turn, has_run + " and is blocked in " + where_ +
                     ". Nothing else can go on until it comes back; then the run fails.");
  } else if (lasted_ >= limit && blocked_ < limit && !std::exchange(reported_, true)) {
    report(turn, has_run + " without waiting in virtual time. Nothing else can go on until it does.");
  }
  if (blocked_ >= limits_blocked * limit) {
    report(turn, has_run + " and is still blocked in " + where_ +
                     ". Nothing can end that, so the program ends here.\nwhat happened last:\n" +
                     order_->history->tail(history_shown));
    std::abort();
  }
  if (lasted_ >= limits_computing * limit) {
    report(turn, has_run + " without waiting in virtual time. It is taken to be hung, so the program ends here.");
    std::abort();
  }
}

void BlockWatch::report(std::uint64_t turn, const std::string& what) {
  turn_->noticed_.store(turn, std::memory_order_release);
  order_->report(what);
}

/// The fiber is there: it is not destroyed without let_go().
std::string BlockWatch::subject() const {
  const Fiber* const fiber = turn_->fiber_.load(std::memory_order_acquire);
  return fiber == nullptr ? "a timer's action" : "task " + fiber->name + " of process " + fiber->group.name;
}

}  // namespace deimos::testkit
