// Options are refused before anything is sent, with a sentence that says which and why.
#pragma once

#include <deimos/client_options.h>
#include <deimos/error.h>

namespace deimos {

/// `options` with canonical endpoints, each once; or errc::invalid_argument.
[[nodiscard]] Result<ClientOptions> check_options(ClientOptions options);

/// What every request carries: the options' headers and credentials.
[[nodiscard]] Headers standing_headers(const ClientOptions& options);

}  // namespace deimos
