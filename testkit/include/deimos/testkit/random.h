// Chance that is the same everywhere for the same seed.
#pragma once

#include <cstdint>

#include <deimos/internal/export.h>
#include <deimos/internal/random_stream.h>

namespace deimos::testkit {

/// A stream of random numbers; one for each concern, see its members in <deimos/internal/random_stream.h>.
using internal::hash_text;
using internal::mix;
using internal::RandomStream;

/// A seed from the operating system, for runs that were not given one.
[[nodiscard]] DEIMOS_EXPORT std::uint64_t fresh_seed();

}  // namespace deimos::testkit
