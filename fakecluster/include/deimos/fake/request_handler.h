// The interface between fronts (HttpServer, InProcessTransport, a simulated network) and what answers requests (a Node,
// the Admin API).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/fake/clock.h>
#include <deimos/internal/export.h>
#include <deimos/transport.h>

namespace deimos::fake {

/// Where an answer goes. Called from within handle(), and for a watch later from whatever call makes an
/// event (a write, an advance, a close), in order, with no call at the same time; implementations must be quick and
/// must not call the handler.
class DEIMOS_EXPORT Reply {
 public:
  virtual ~Reply() = default;
  /// The status, headers and body. If `open`, it is a watch: body is empty, and parts follow.
  virtual void answer(Response response, bool open) = 0;
  /// A part of a watch's body: one event and its newline.
  virtual void chunk(std::string_view text) = 0;
  /// chunk() of a text that goes to many: whoever keeps it may share it.
  virtual void shared_chunk(const std::shared_ptr<const std::string>& text) { chunk(*text); }
  /// The body of a watch is complete.
  virtual void end() = 0;
  /// The connection breaks, and nothing more comes: before any answer, or in the middle of an open one. `not_sent`: it
  /// was refused, so that the request was certainly not acted on.
  virtual void broken(Delivery /*delivery*/) { end(); }
  /// How many parts have not been passed on yet, because the client reads slowly. Counted against
  /// NodeLimits::watch_backlog.
  [[nodiscard]] virtual std::size_t backlog() const { return 0; }
  /// Numbers the connection on which the request came, from 1, among those of its node; 0: there is none.
  [[nodiscard]] virtual std::uint64_t connection() const { return 0; }
};

/// Thread-safe; every member returns without blocking.
class DEIMOS_EXPORT RequestHandler {
 public:
  /// Names a request whose answer is open.
  using Ticket = std::uint64_t;

  virtual ~RequestHandler() = default;
  /// Answers `request`, now or later. Returns 0 if the answer is complete, else a ticket to abandon() it with.
  virtual Ticket handle(const Request& request, std::shared_ptr<Reply> reply) = 0;
  /// The client closed the connection: nothing more is sent. Unknown tickets are ignored.
  virtual void abandon(Ticket ticket) = 0;
  /// What the answers' `Date` says.
  [[nodiscard]] virtual Instant now() const = 0;
  /// Registers a callback for reachability changes; runs at once with `false` if unreachable. A handler that never
  /// crashes never calls it. It must be quick and must not call the handler. Replaces the former one, which is not
  /// called once this has returned; null removes it.
  virtual void on_reachable(std::function<void(bool)> /*call*/) {}
};

}  // namespace deimos::fake
