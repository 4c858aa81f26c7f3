// Patterns for keys and names.
#pragma once

#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::fake {

/// Whether `pattern` matches all of `text`: `?` is one character but `/`, `*` any number of those, `**` any number of
/// any; all else is itself. Takes time linear in `text`. A pattern has at most longest_pattern bytes.
[[nodiscard]] DEIMOS_EXPORT bool pattern_matches(std::string_view pattern, std::string_view text);

}  // namespace deimos::fake
