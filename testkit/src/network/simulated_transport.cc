#include "network/simulated_transport.h"

#include <optional>
#include <utility>

#include <deimos/internal/percent_coding.h>

namespace deimos::testkit {
namespace {

tl::unexpected<Failure> failure(Failure::Reason reason, Delivery delivery, std::string message) {
  return tl::make_unexpected(Failure{reason, delivery, std::move(message)});
}

}  // namespace

/// An exchange that waits, on the stack of its task.
class SimulatedTransport::Pending final : public Receiver, public WaitTarget {
 public:
  Pending(SimulatedTransport& transport, const std::string& endpoint, const Request& request)
      : transport_(transport),
        endpoint_(endpoint),
        request_(request),
        fiber_(*transport.flights_.scheduler.current()),
        next_(transport.open_) {
    if (next_ != nullptr) next_->previous_ = this;
    transport.open_ = this;
  }
  ~Pending() override {
    if (flight_ != nullptr) flight_->forsake();
    (previous_ == nullptr ? transport_.open_ : previous_->next_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  void send(Link& link) { flight_ = transport_.flights_.send(link, transport_.process_, request_, this); }
  void receive(Exchange exchange) override {
    flight_ = nullptr;
    result_ = std::move(exchange);
    look();
  }
  void lost() noexcept override { flight_ = nullptr; }
  /// Wakes the task, to see what has changed.
  void look() noexcept { transport_.flights_.scheduler.wake(fiber_); }

  Exchange wait(TimePoint deadline, const std::stop_token& stop);
  [[nodiscard]] Pending* next() const noexcept { return next_; }
  [[nodiscard]] std::string describe() const override {
    return "answer of " + endpoint_ + " to " + request_.method + " " + request_.target;
  }

 private:
  Exchange wait_to_the_end(TimePoint deadline, const std::stop_token& stop);

  SimulatedTransport& transport_;
  const std::string& endpoint_;
  const Request& request_;
  Fiber& fiber_;
  Pending* next_;
  Pending* previous_ = nullptr;
  Flight* flight_ = nullptr;
  std::optional<Exchange> result_;
};

Exchange SimulatedTransport::Pending::wait(TimePoint deadline, const std::stop_token& stop) {
  if (!stop.stop_possible()) return wait_to_the_end(deadline, stop);
  const std::stop_callback wake(stop, [this] { look(); });
  return wait_to_the_end(deadline, stop);
}

Exchange SimulatedTransport::Pending::wait_to_the_end(TimePoint deadline, const std::stop_token& stop) {
  Scheduler& scheduler = transport_.flights_.scheduler;
  const TimePoint due = transport_.runtime_.clock().true_time(deadline);
  TimePoint look_at = std::min(due, transport_.runtime_.clock().true_time(request_.head_by));
  while (!result_) {
    if (transport_.closed_) return failure(Failure::Reason::closed, Delivery::unknown, "the transport was closed");
    if (stop.stop_requested()) {
      return failure(Failure::Reason::cancelled, Delivery::unknown, "stopped while the answer was awaited");
    }
    if (look_at < due && scheduler.now() >= look_at && flight_ != nullptr && flight_->has_head()) look_at = due;
    if (scheduler.current_killed() || scheduler.now() >= look_at) {
      return failure(Failure::Reason::timed_out, Delivery::unknown, "no answer by the deadline");
    }
    scheduler.park(look_at, *this);
  }
  return *std::move(result_);
}

namespace {

/// Notes an exchange when it is over, also if it ends by the exception that ends a killed task.
class TraceEntry {
 public:
  TraceEntry(RequestTrace& trace, const Scheduler& scheduler, const std::string& process, const std::string& endpoint,
             const Request& request)
      : trace_(trace), scheduler_(scheduler) {
    const bool waits = request.method == "GET" && request.target.find("wait=true") != std::string::npos;
    entry_.at = scheduler.elapsed();
    entry_.process = process;
    entry_.method = waits ? "WATCH" : request.method;
    entry_.key = key_of(request.target);
    entry_.node = endpoint;
    entry_.unclear = true;
    entry_.bytes_sent = request.target.size() + request.body.size();
  }
  TraceEntry(const TraceEntry&) = delete;
  TraceEntry& operator=(const TraceEntry&) = delete;
  ~TraceEntry() {
    entry_.took = scheduler_.elapsed() - entry_.at;
    trace_.add(std::move(entry_));
  }
  void ended(const Exchange& exchange) {
    entry_.unclear = !exchange && exchange.error().delivery == Delivery::unknown;
    if (!exchange) return;
    entry_.status = exchange->status;
    entry_.bytes_received = exchange->body.size();
    entry_.gap = exchange->status >= 400 && exchange->body.find("\"errorCode\":401") != std::string::npos;
  }

 private:
  static std::string key_of(std::string_view target) {
    constexpr std::string_view keys = "/keys";
    std::string_view path = target.substr(0, target.find('?'));
    if (const auto begin = path.find(keys); begin != std::string_view::npos && begin < 4) {
      path.remove_prefix(begin + keys.size());
    }
    return path.empty() ? "/" : internal::percent_decode(path, false);
  }

  RequestTrace& trace_;
  const Scheduler& scheduler_;
  TracedRequest entry_;
};

}  // namespace

Exchange SimulatedTransport::exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                      std::stop_token stop) {
  const bool outside = !links_.empty() && links_.begin()->second.outside;
  if (flights_.trace == nullptr || outside) return send(endpoint, request, deadline, stop);
  TraceEntry entry(*flights_.trace, flights_.scheduler, process_, endpoint, request);
  Exchange exchange = send(endpoint, request, deadline, stop);
  entry.ended(exchange);
  return exchange;
}

Exchange SimulatedTransport::send(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  const std::stop_token& stop) {
  flights_.scheduler.check_thread("a request");
  if (closed_) return failure(Failure::Reason::closed, Delivery::not_sent, "the transport is closed");
  if (stop.stop_requested()) {
    return failure(Failure::Reason::cancelled, Delivery::not_sent, "stopped before the request was sent");
  }
  Pending pending(*this, endpoint, request);
  if (flights_.scheduler.current_killed()) {
    static_cast<void>(flights_.scheduler.park(deadline, pending));
    return failure(Failure::Reason::timed_out, Delivery::not_sent, "the process was killed");
  }
  const auto found = links_.find(std::string_view(endpoint).substr(0, endpoint.find_last_not_of('/') + 1));
  if (found == links_.end()) {
    return failure(Failure::Reason::refused, Delivery::not_sent, "no node has the address " + endpoint);
  }
  Link& link = found->second;
  if (link.refuses()) {
    runtime_.sleep_until(std::min(deadline, saturating_add(runtime_.now(), flights_.latency(link) * 2)), stop);
    return failure(Failure::Reason::refused, Delivery::not_sent, "connection refused by " + endpoint);
  }
  pending.send(link);
  return pending.wait(deadline, stop);
}

void SimulatedTransport::close() noexcept {
  closed_ = true;
  for (Pending* pending = open_; pending != nullptr; pending = pending->next()) pending->look();
}

}  // namespace deimos::testkit
