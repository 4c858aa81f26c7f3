#include <deimos/internal/random_stream.h>

#include <bit>

namespace deimos::internal {

RandomStream::RandomStream(std::uint64_t seed, std::string_view concern) noexcept : state_() {
  std::uint64_t position = seed ^ mix(hash_text(concern));
  for (std::uint64_t& word : state_) {
    word = mix(position);
    position += 0x9E3779B97F4A7C15u;
  }
}

std::uint64_t RandomStream::next() noexcept {
  ++draws_;
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t RandomStream::below(std::uint64_t bound) noexcept {
  __extension__ using Product = unsigned __int128;
  if (bound == 0) return 0;
  Product product = Product{next()} * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    // Some results have one number more than others that leads to them: those numbers are drawn again.
    const std::uint64_t excess = (0 - bound) % bound;
    while (static_cast<std::uint64_t>(product) < excess) product = Product{next()} * bound;
  }
  return static_cast<std::uint64_t>(product >> 64);
}

std::int64_t RandomStream::between(std::int64_t least, std::int64_t most) noexcept {
  if (most <= least) return least;
  const auto span = static_cast<std::uint64_t>(most) - static_cast<std::uint64_t>(least) + 1;
  const std::uint64_t offset = span == 0 ? next() : below(span);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(least) + offset);
}

double RandomStream::unit() noexcept { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

bool RandomStream::chance(double probability) noexcept {
  if (!(probability > 0)) return false;
  return probability >= 1 || unit() < probability;
}

}  // namespace deimos::internal
