// What the server does for one step of a lock, as one script: so each step is one request, and atomic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace deimos {

/// The script's text.
[[nodiscard]] std::string_view redis_script() noexcept;

/// `EVALSHA …` (by text: `EVAL …`) of the step `name` on `key`.
[[nodiscard]] std::vector<std::string> redis_step(std::string_view name, std::string_view key,
                                                  const std::vector<std::string>& arguments, bool by_text);

/// Where changes of `key` are published: `deimos:` and the key.
inline constexpr std::string_view redis_channel_prefix = "deimos:";

}  // namespace deimos
