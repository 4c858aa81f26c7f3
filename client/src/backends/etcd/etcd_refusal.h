// What etcd says when it refuses something, as this library's errors.
#pragma once

#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/transport.h>

#include "calls/caller.h"

namespace deimos::etcd {

/// Who asks an etcd: its probe, and which of its refusals say that nothing was done.
[[nodiscard]] StoreManners manners();
/// The code for a refusal in the store's own words; `user`: who asks, empty if nobody in particular.
[[nodiscard]] Error error_of_refusal(const std::string& message, const std::string& user);
/// An answer that is no success: a refusal, or one of something that is no etcd.
[[nodiscard]] Error error_of_answer(const Response& response, const std::string& user);
[[nodiscard]] bool says_token_is_over(std::string_view message) noexcept;

/// The prefix of the gateway's paths for an etcd of that version, or why there is none.
[[nodiscard]] Result<std::string> prefix_for(const std::string& version);
/// What answered to `/version` is no etcd.
[[nodiscard]] Error no_etcd(const std::string& why);

}  // namespace deimos::etcd
