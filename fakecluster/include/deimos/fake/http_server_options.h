// The options of an HttpServer, and what it reports of each request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <deimos/fake/http_limits.h>

namespace deimos::fake {

/// One request and what became of it.
struct HttpAccess {
  std::string method;  ///< Empty, as the target, if what came was not a request.
  std::string target;
  int status = 0;                       ///< 0 if the client left before it was answered.
  std::chrono::nanoseconds duration{};  ///< Of a watch: until its body was complete or its client gone.
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";  ///< A name or an address, IPv6 without brackets.
  std::uint16_t port = 0;          ///< 0: any that is free.
  HttpLimits limits = {};
  /// Called after each request, in the thread of the server. It must be quick and must not throw.
  std::function<void(const HttpAccess&)> on_access = nullptr;
};

}  // namespace deimos::fake
