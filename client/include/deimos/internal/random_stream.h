// Chance that is the same everywhere for the same seed: own generator, own distributions (those of the standard library
// differ between implementations). Users meet it as deimos::testkit::RandomStream.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// A stream of random numbers (xoshiro256**, https://prng.di.unimi.it). One stream for each concern, all split from one
/// seed by the concern's name: another draw for one concern changes nothing for the rest. Not thread-safe.
class DEIMOS_EXPORT RandomStream {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  RandomStream(std::uint64_t seed, std::string_view concern) noexcept;

  /// 64 uniformly random bits.
  std::uint64_t next() noexcept;
  /// Uniform in [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// Uniform in [least, most]; `least`, and nothing is drawn, if most <= least.
  std::int64_t between(std::int64_t least, std::int64_t most) noexcept;
  Nanoseconds between(Nanoseconds least, Nanoseconds most) noexcept {
    return Nanoseconds(between(least.count(), most.count()));
  }
  /// Uniform in [0, 1).
  double unit() noexcept;
  /// True with this probability; draws nothing if it is not between 0 and 1.
  bool chance(double probability) noexcept;
  /// How many numbers were drawn.
  [[nodiscard]] std::uint64_t draws() const noexcept { return draws_; }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::array<std::uint64_t, 4> state_;
  std::uint64_t draws_ = 0;
};

/// 64 bits that depend on all of `value` (SplitMix64): for splitting seeds and for running hashes.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

/// The same on every platform (FNV-1a), unlike std::hash.
[[nodiscard]] constexpr std::uint64_t hash_text(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

}  // namespace deimos::internal
