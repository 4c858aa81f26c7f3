// A mutex whose use clang checks: members marked DEIMOS_GUARDED_BY(mutex_) may be touched only while it is held, and
// functions marked DEIMOS_REQUIRES(mutex_) called only then. With other compilers the marks mean nothing. Not part of
// the public interface.
#pragma once

#include <mutex>

#if defined(__clang__)
#define DEIMOS_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define DEIMOS_THREAD_ANNOTATION(x)
#endif

#define DEIMOS_GUARDED_BY(mutex) DEIMOS_THREAD_ANNOTATION(guarded_by(mutex))
#define DEIMOS_REQUIRES(...) DEIMOS_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define DEIMOS_EXCLUDES(...) DEIMOS_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
/// For a function that holds the mutex in a way the analysis cannot follow; say why beside it.
#define DEIMOS_NO_THREAD_ANALYSIS DEIMOS_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace deimos::internal {

/// A std::mutex of this process, named so because deimos::Mutex is one of the whole cluster.
class DEIMOS_THREAD_ANNOTATION(capability("mutex")) LocalMutex {
 public:
  void lock() DEIMOS_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void unlock() DEIMOS_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }
  /// Tells the analysis that the caller holds it; checks nothing. For callbacks that run under it.
  void assert_held() const noexcept DEIMOS_THREAD_ANNOTATION(assert_capability(this)) {}

 private:
  friend class LocalMutexLock;
  std::mutex mutex_;
};

/// Holds a LocalMutex for as long as it lives, but for the time between unlock() and lock().
class DEIMOS_THREAD_ANNOTATION(scoped_lockable) LocalMutexLock {
 public:
  explicit LocalMutexLock(LocalMutex& mutex) DEIMOS_THREAD_ANNOTATION(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~LocalMutexLock() DEIMOS_THREAD_ANNOTATION(release_capability()) = default;
  LocalMutexLock(const LocalMutexLock&) = delete;
  LocalMutexLock& operator=(const LocalMutexLock&) = delete;

  void lock() DEIMOS_THREAD_ANNOTATION(acquire_capability()) { lock_.lock(); }
  void unlock() DEIMOS_THREAD_ANNOTATION(release_capability()) { lock_.unlock(); }
  /// For a std::condition_variable, which is given it back held.
  [[nodiscard]] std::unique_lock<std::mutex>& native() noexcept { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace deimos::internal
