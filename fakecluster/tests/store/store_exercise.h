// Runs a Store beside its model, on a program made from bytes: a property test and a fuzz target share it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace deimos::fake {

/// What `program` asked for and where the store first differed from the model; empty if it never did.
///
/// Checked after each step: the outcome (event or error, cause and index), which watchers were told of what, index,
/// size, next expiry. Checked often: every key and listing, and that a watcher resumed at any index is told exactly
/// what one that streamed since then was, or gets error 401.
[[nodiscard]] std::string exercise_store(std::span<const std::uint8_t> program);

}  // namespace deimos::fake
