// Which texts are keys of a store.
#pragma once

#include <string>

namespace deimos::fake {

/// Throws std::invalid_argument, saying why, if `key` is not one as `/locks/a`: not the root, without empty and dot
/// segments.
void check_key(const std::string& key);

}  // namespace deimos::fake
