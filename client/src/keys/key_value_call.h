// The key-value calls as requests.
#pragma once

#include <optional>
#include <string_view>

#include <deimos/call_options.h>
#include <deimos/error.h>

#include "calls/caller.h"
#include "wire/store_dialect.h"

namespace deimos {

/// What a PUT demands of the key. Never sent together with a comparison, which it would switch off.
enum class Existence { any, must_not, must };

// Each is errc::invalid_key or errc::invalid_argument if it cannot be asked.
[[nodiscard]] Result<Call> get_call(const StoreDialect& dialect, std::string_view key, const GetOptions& options);
/// A file if there is a value, else a directory.
[[nodiscard]] Result<Call> put_call(const StoreDialect& dialect, std::string_view key,
                                    std::optional<std::string_view> value, Existence existence,
                                    const WriteOptions& options);
[[nodiscard]] Result<Call> post_call(const StoreDialect& dialect, std::string_view directory, std::string_view value,
                                     const WriteOptions& options);
[[nodiscard]] Result<Call> delete_call(const StoreDialect& dialect, std::string_view key, const RemoveOptions& options);
[[nodiscard]] Result<Call> compare_and_swap_call(const StoreDialect& dialect, std::string_view key,
                                                 std::string_view value, const Compare& compare,
                                                 const WriteOptions& options);
[[nodiscard]] Result<Call> compare_and_delete_call(const StoreDialect& dialect, std::string_view key,
                                                   const Compare& compare, const CallOptions& options);
[[nodiscard]] Result<Call> wait_call(const StoreDialect& dialect, std::string_view key, const WaitOptions& options);

}  // namespace deimos
