// Which sanitizer this is built with, and what must be said to it about stacks that are switched by hand.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define DEIMOS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DEIMOS_ASAN 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define DEIMOS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DEIMOS_TSAN 1
#endif
#endif

#ifdef DEIMOS_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#ifdef DEIMOS_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// ThreadSanitizer keeps a shadow of the call stack for each fiber; a function that leaves on another fiber than it was
// entered on must not be part of it. AddressSanitizer must not lay red zones into a frame that never returns.
#define DEIMOS_SWITCHES_STACKS __attribute__((noinline, no_sanitize("thread"), no_sanitize("address")))

namespace deimos::testkit {

inline void unpoison([[maybe_unused]] const void* memory, [[maybe_unused]] std::size_t size) noexcept {
#ifdef DEIMOS_ASAN
  __asan_unpoison_memory_region(memory, size);
#endif
}

}  // namespace deimos::testkit
