// Several locks at once: all of them or none, of any kinds, managers and stores.
//
//   if (auto all = MultiLock({accounts.mutex("7"), accounts.mutex("9")}).acquire({.wait = 5s})) transfer(all->lost());
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <deimos/error.h>
#include <deimos/hold.h>
#include <deimos/internal/export.h>
#include <deimos/lock_options.h>
#include <deimos/mutex.h>
#include <deimos/runtime.h>
#include <deimos/semaphore.h>
#include <deimos/shared_mutex.h>

namespace deimos {

/// One lock of a MultiLock, and how it is wanted. A plain value.
class DEIMOS_EXPORT LockPart {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a list of locks is to be written as one.
  LockPart(Mutex mutex);
  LockPart(SharedMutex mutex);  ///< Exclusively.
  // NOLINTEND(google-explicit-constructor)
  [[nodiscard]] static LockPart shared(SharedMutex mutex);
  [[nodiscard]] static LockPart permits(Semaphore semaphore, int permits = 1);

 private:
  friend class MultiLock;
  using Acquire = std::function<Result<Hold>(const AcquireOptions&, const std::stop_token&)>;
  LockPart(std::string name, Result<std::shared_ptr<LocalLock>> lock, Acquire acquire);

  std::string name_;
  Result<std::shared_ptr<LocalLock>> lock_;
  Acquire acquire_;
};

/// All the holds of one acquire(), for as long as the object lives. Move-only.
class DEIMOS_EXPORT MultiHold {
 public:
  MultiHold(MultiHold&&) noexcept = default;
  MultiHold& operator=(MultiHold&& other) noexcept;
  MultiHold(const MultiHold&) = delete;
  MultiHold& operator=(const MultiHold&) = delete;
  /// Releases, the last one first.
  ~MultiHold();

  /// In the order in which the MultiLock has them.
  [[nodiscard]] const std::vector<Hold>& holds() const noexcept { return holds_; }
  /// Triggered when the first of them is lost.
  [[nodiscard]] std::stop_token lost() const noexcept;
  /// Whether all of them are held.
  [[nodiscard]] bool is_held() const;
  /// When the first of them ends if nothing is renewed.
  [[nodiscard]] TimePoint expires_at() const;
  /// Gives all of them back, the last one first, whatever becomes of the others. The first error, if there is one:
  /// errc::lock_expired or lock_not_held, that one was lost before. Blocks at most for LockOptions::request_timeout for
  /// each. Idempotent.
  Result<void> release();

 private:
  friend class MultiLock;
  struct Losses;
  explicit MultiHold(std::vector<Hold> holds);

  std::vector<Hold> holds_;
  std::shared_ptr<Losses> losses_;
};

/// Thread-safe.
class DEIMOS_EXPORT MultiLock {
 public:
  MultiLock(std::initializer_list<LockPart> parts) : parts_(parts) {}
  explicit MultiLock(std::vector<LockPart> parts) : parts_(std::move(parts)) {}

  /// Waits until all of them can be had, within `options.wait` for all together. It never waits for one while it holds
  /// another, so that it cannot deadlock, in whatever order anybody takes them; the price is that others may get in
  /// between, again and again. What it holds when it fails, or while it waits, is given back. Fails as Mutex::acquire()
  /// of the one that could not be had; `options.on_lost` is called for each that is lost.
  [[nodiscard]] Result<MultiHold> acquire(const AcquireOptions& options = {}, std::stop_token stop = {}) const;

 private:
  [[nodiscard]] Result<std::vector<Hold>> acquire_after(std::size_t first, const AcquireOptions& options,
                                                        TimePoint deadline, const std::stop_token& stop,
                                                        std::size_t& refused) const;
  std::vector<LockPart> parts_;
};

}  // namespace deimos
