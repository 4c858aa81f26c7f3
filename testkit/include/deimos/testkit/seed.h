// The seed of a test, and the command that replays it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::testkit {

/// The environment variable that gives it.
inline constexpr const char* seed_variable = "DEIMOS_SEED";

/// The value of DEIMOS_SEED (decimal, or hexadecimal after `0x`) if it is set, else a fresh one. Throws
/// std::invalid_argument if it is set to something else.
[[nodiscard]] DEIMOS_EXPORT std::uint64_t seed_from_environment();

/// The line for a shell that runs this program again with `seed`, as in `DEIMOS_SEED=42 build/program ARGUMENTS`: with
/// the path that the program was started with, quoted where a shell needs it, and `arguments` as they are.
[[nodiscard]] DEIMOS_EXPORT std::string replay_command(std::uint64_t seed, std::string_view arguments = {});

}  // namespace deimos::testkit
