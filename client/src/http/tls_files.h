// The certificate files of TlsOptions, tried before anything is connected.
#pragma once

#include <optional>
#include <string>

#include <deimos/client_options.h>

namespace deimos {

/// Which file cannot be used, and why; none if all can.
[[nodiscard]] std::optional<std::string> problem_with_files(const TlsOptions& options);

}  // namespace deimos
