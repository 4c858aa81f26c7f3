// The kinds of action by name.
#pragma once

#include <string_view>

namespace deimos::fake {

/// Whether name_of() says so of some action.
[[nodiscard]] bool is_rule_action(std::string_view name) noexcept;

}  // namespace deimos::fake
