// Chance from a seed, the same on every platform.
#pragma once

#include <chrono>
#include <cstdint>

namespace deimos::fake {

/// SplitMix64. One for each concern, all from one seed, so that another draw for one changes nothing for the rest.
class SeededRandom {
 public:
  SeededRandom(std::uint64_t seed, std::uint64_t concern) noexcept : state_(seed ^ mix(concern)) {}

  std::uint64_t next() noexcept { return mix(state_ += golden); }
  /// Uniform in [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using Product = unsigned __int128;
    return static_cast<std::uint64_t>((Product{next()} * bound) >> 64);
  }
  /// Uniform in [least, most]; draws nothing if they are equal.
  std::chrono::nanoseconds between(std::chrono::nanoseconds least, std::chrono::nanoseconds most) noexcept {
    if (most <= least) return least;
    const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
    return least + std::chrono::nanoseconds(static_cast<std::int64_t>(below(span)));
  }
  /// Draws nothing if the probability is not between 0 and 1.
  bool chance(double probability) noexcept {
    if (!(probability > 0)) return false;
    return probability >= 1 || static_cast<double>(next() >> 11) * 0x1.0p-53 < probability;
  }

 private:
  static constexpr std::uint64_t golden = 0x9E3779B97F4A7C15u;
  static constexpr std::uint64_t mix(std::uint64_t value) noexcept {
    value += golden;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
    return value ^ (value >> 31);
  }

  std::uint64_t state_;
};

}  // namespace deimos::fake
