// Keeps writers of the past away from a resource of your own.
//
// A lease can end without its holder having noticed: the process stood still, a request was long under way. Such a
// holder still believes that it may write, and no lock can stop it; only the resource can, by refusing whoever comes
// with a lower fencing token than it has seen. This is that check.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>
#include <utility>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/internal/local_mutex.h>

namespace deimos {

/// Remembers the highest fencing token of one lock. Thread-safe. It guards as long as it lives: what outlives it (a
/// file, a table) has to keep highest() with itself, written together with what it guards.
class DEIMOS_EXPORT FencingGuard {
 public:
  /// `highest`: as it was kept.
  explicit FencingGuard(std::uint64_t highest = 0) noexcept : highest_(highest) {}

  /// Whether whoever comes with `token` may write: nobody has come with a higher one. Remembers it. Another may come
  /// between this and the write: run() closes that gap.
  [[nodiscard]] bool admit(std::uint64_t token);
  /// The same as an error: errc::lock_not_held.
  Result<void> check(std::uint64_t token);
  /// Calls `write(token)` if it may, with nobody else in between: it must not wait, nor call this guard.
  template <typename Write>
  auto run(std::uint64_t token, Write&& write) -> Result<std::invoke_result_t<Write, std::uint64_t>> {
    const internal::LocalMutexLock lock(mutex_);
    if (Result<void> admitted = check_locked(token); !admitted) {
      return tl::unexpected<Error>(std::move(admitted.error()));
    }
    if constexpr (std::is_void_v<std::invoke_result_t<Write, std::uint64_t>>) {
      std::invoke(std::forward<Write>(write), token);
      return {};
    } else {
      return std::invoke(std::forward<Write>(write), token);
    }
  }
  /// The highest token so far.
  [[nodiscard]] std::uint64_t highest() const;

 private:
  [[nodiscard]] Result<void> check_locked(std::uint64_t token) DEIMOS_REQUIRES(mutex_);

  mutable internal::LocalMutex mutex_;
  std::uint64_t highest_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos
