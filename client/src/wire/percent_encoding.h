// Keys and form bodies as they go over the wire.
#pragma once

#include <string>
#include <string_view>

#include <deimos/error.h>

namespace deimos {

/// `a/b/` and `/a/b` as `/a/b`; errc::invalid_key for what client.h says cannot be a key.
[[nodiscard]] Result<std::string> normalize_key(std::string_view key);

/// Appends `text` with every byte but letters, digits and `-._~` as `%XX`.
void append_encoded(std::string& out, std::string_view text);
/// The same, but leaves `/` as it is: for the path of a key.
void append_encoded_path(std::string& out, std::string_view path);

/// Appends `name=value`, encoded, after a `&` if there is something to separate it from. Serves for queries and
/// `application/x-www-form-urlencoded` bodies alike.
void append_parameter(std::string& form, std::string_view name, std::string_view value);

}  // namespace deimos
