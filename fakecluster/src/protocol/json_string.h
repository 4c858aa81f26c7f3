// Strings in JSON, as Go writes them.
#pragma once

#include <string>
#include <string_view>

namespace deimos::fake {

/// `text` as Go writes it into JSON, in quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace deimos::fake
