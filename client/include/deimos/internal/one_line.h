// Text of others in a line of ours: in logs, reports and error messages. Not part of the public interface.
#pragma once

#include <string>
#include <string_view>

#include <deimos/internal/export.h>

namespace deimos::internal {

/// `text` as valid UTF-8 without anything that ends a line, moves a terminal's cursor or hides what follows: such bytes
/// as `\x1b`. What is harmless stays as it is.
[[nodiscard]] DEIMOS_EXPORT std::string one_line(std::string_view text);

}  // namespace deimos::internal
