// The options of an HttpTransport.
#pragma once

#include <chrono>
#include <cstddef>

#include <deimos/client_options.h>
#include <deimos/runtime.h>

namespace deimos {

struct HttpTransportOptions {
  Duration connect_timeout = std::chrono::seconds(1);
  std::size_t max_answer_bytes = std::size_t{64} << 20;
  std::size_t max_idle_connections = 8;  ///< Kept open per endpoint.
  TlsOptions tls = {};
};

}  // namespace deimos
