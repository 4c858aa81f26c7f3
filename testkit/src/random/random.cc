#include <deimos/testkit/random.h>

#include <random>

namespace deimos::testkit {

std::uint64_t fresh_seed() {
  std::random_device entropy;
  return std::uint64_t{entropy()} << 32 | entropy();
}

}  // namespace deimos::testkit
