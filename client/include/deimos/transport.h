// The seam to the network: one request to one endpoint, one answer. A long poll is such an exchange with a far
// deadline.
//
// Laws that every Transport keeps:
//  1. exchange() returns by its deadline (plus scheduling), whatever the other side does, and at once when `stop` is
//     triggered.
//  2. Delivery::not_sent is said only if the request cannot have been acted on; in doubt it is Delivery::unknown.
//  3. It never sends a request twice, follows no redirect, and looks at no status: any complete answer is a success.
//  4. Requests are independent: one that hangs delays no other.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos {

struct Header {
  std::string name;
  std::string value;
};
using Headers = std::vector<Header>;

/// The first header of that name, ASCII case ignored; nullptr if there is none.
[[nodiscard]] DEIMOS_EXPORT const std::string* find_header(const Headers& headers, std::string_view name) noexcept;

/// A request as it goes over the wire, but for `Host` and `Content-Length`, which the transport adds.
struct Request {
  std::string method;  ///< `GET`, `PUT`, …
  std::string target;  ///< Path and query, percent-encoded, from the first `/`.
  Headers headers;
  std::string body;          ///< Sent with `content_type` if that is not empty.
  std::string content_type;  ///< Usually `application/x-www-form-urlencoded`.
  /// By when the head of the answer must have come, for a long poll, whose body may take much longer: else the exchange
  /// ends as if this were its deadline.
  TimePoint head_by = TimePoint::max();
  /// For an answer without an end, such as a stream of events: shown all of the body that has come, whenever there is
  /// more of it. Once it says true, the answer counts as complete, and the rest of it is given up. Must be quick and
  /// must not call the transport, which may hold a mutex meanwhile.
  std::function<bool(std::string_view body)> enough = {};
};

/// A complete answer, whatever its status.
struct Response {
  int status = 0;
  Headers headers;
  std::string body;
};

/// Whether a request that got no answer can have been acted on.
enum class Delivery { not_sent, unknown };

/// Why there is no answer.
struct Failure {
  enum class Reason { refused, timed_out, cancelled, broken, too_large, closed };
  Reason reason = Reason::broken;
  Delivery delivery = Delivery::unknown;
  std::string message;  ///< For people: which step failed and how.
};

using Exchange = tl::expected<Response, Failure>;

/// See the laws at the top of this file. Every member is thread-safe.
class DEIMOS_EXPORT Transport {
 public:
  virtual ~Transport() = default;
  /// Sends `request` to `endpoint` (an URL such as `http://127.0.0.1:4001`) and blocks for the whole answer.
  [[nodiscard]] virtual Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                          std::stop_token stop) = 0;
  /// Ends every exchange that runs with Reason::closed, and refuses new ones. Idempotent.
  virtual void close() noexcept = 0;
  /// The endpoint is no member of the cluster any more: what is kept for it, such as idle connections, may go.
  virtual void forget(const std::string& /*endpoint*/) noexcept {}
};

}  // namespace deimos
