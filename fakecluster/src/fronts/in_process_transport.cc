#include <deimos/fake/in_process_transport.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <deimos/fake/cluster.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {
namespace {

/// Where the node puts an answer, and where the exchange waits for it.
class PendingAnswer final : public Reply {
 public:
  /// `enough`: Request::enough.
  explicit PendingAnswer(std::function<bool(std::string_view)> enough) : enough_(std::move(enough)) {}

  void answer(Response response, bool open) override {
    const internal::LocalMutexLock lock(mutex_);
    response_ = std::move(response);
    has_head_ = true;
    if (!open) complete();
    look_whether_enough();
  }

  void chunk(std::string_view text) override {
    const internal::LocalMutexLock lock(mutex_);
    if (complete_) return;
    response_.body.append(text);
    look_whether_enough();
  }

  void end() override {
    const internal::LocalMutexLock lock(mutex_);
    complete();
  }

  void broken(Delivery delivery) override {
    const internal::LocalMutexLock lock(mutex_);
    broken_ = delivery;
    if (signal_) signal_->notify();
  }

  /// The transport is closing: whoever waits here waits no longer.
  void close() {
    const internal::LocalMutexLock lock(mutex_);
    closed_ = true;
    if (signal_) signal_->notify();
  }

  /// Blocks until the answer is complete, close(), `deadline` or `stop`; or until `head_by` if nothing has come then.
  Exchange wait(Runtime& runtime, TimePoint head_by, TimePoint deadline, const std::stop_token& stop) {
    internal::LocalMutexLock lock(mutex_);
    const auto over = [this] {
      mutex_.assert_held();
      return complete_ || broken_ || closed_;
    };
    if (!over()) {
      signal_ = runtime.make_signal();
      if (!has_head_ && head_by < deadline) {
        wait_until(*signal_, lock.native(), head_by, stop, runtime, over);
        if (!has_head_) deadline = head_by;
      }
      wait_until(*signal_, lock.native(), deadline, stop, runtime, over);
    }
    if (complete_) return std::move(response_);
    const auto failure = [](Failure::Reason reason, const char* message, Delivery delivery = Delivery::unknown) {
      return tl::make_unexpected(Failure{reason, delivery, message});
    };
    if (broken_ == Delivery::not_sent) return failure(Failure::Reason::refused, "connection refused", *broken_);
    if (broken_) return failure(Failure::Reason::broken, "the connection broke before the answer was complete");
    if (closed_) return failure(Failure::Reason::closed, "the transport was closed while the answer was awaited");
    if (stop.stop_requested()) return failure(Failure::Reason::cancelled, "stopped while the answer was awaited");
    return failure(Failure::Reason::timed_out, "no complete answer by the deadline");
  }

  /// The node has more to say, which is not wanted.
  [[nodiscard]] bool ended_early() {
    const internal::LocalMutexLock lock(mutex_);
    return ended_early_;
  }

 private:
  void look_whether_enough() DEIMOS_REQUIRES(mutex_) {
    if (complete_ || !enough_ || response_.body.empty() || !enough_(response_.body)) return;
    ended_early_ = true;
    complete();
  }

  void complete() DEIMOS_REQUIRES(mutex_) {
    complete_ = true;
    if (signal_) signal_->notify();
  }

  const std::function<bool(std::string_view)> enough_;
  internal::LocalMutex mutex_;
  std::unique_ptr<Signal> signal_
      DEIMOS_GUARDED_BY(mutex_);  // Made only for an answer that is waited for: most are complete at once.
  Response response_ DEIMOS_GUARDED_BY(mutex_);
  bool has_head_ DEIMOS_GUARDED_BY(mutex_) = false;
  bool complete_ DEIMOS_GUARDED_BY(mutex_) = false;
  bool ended_early_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::optional<Delivery> broken_ DEIMOS_GUARDED_BY(mutex_);
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
};

tl::unexpected<Failure> not_sent(Failure::Reason reason, std::string message) {
  return tl::make_unexpected(Failure{reason, Delivery::not_sent, std::move(message)});
}

std::string without_trailing_slash(const std::string& url) {
  return url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
}

InProcessTransport::Endpoints endpoints_of(Cluster& cluster) {
  InProcessTransport::Endpoints endpoints;
  for (const NodeState& node : cluster.state().nodes) endpoints.emplace(node.client_url, cluster.node(node.id));
  return endpoints;
}

}  // namespace

/// The exchanges that wait, in the order they began, so that close() wakes them in the same order in every run.
class InProcessTransport::OpenExchanges {
 public:
  /// 0 if the transport is closed.
  std::uint64_t add(std::shared_ptr<PendingAnswer> answer) {
    const internal::LocalMutexLock lock(mutex_);
    if (closed_) return 0;
    answers_.emplace(++last_, std::move(answer));
    return last_;
  }

  void remove(std::uint64_t number) {
    const internal::LocalMutexLock lock(mutex_);
    answers_.erase(number);
  }

  [[nodiscard]] bool closed() {
    const internal::LocalMutexLock lock(mutex_);
    return closed_;
  }

  void close() {
    const internal::LocalMutexLock lock(mutex_);
    closed_ = true;
    for (const auto& [number, answer] : answers_) answer->close();
  }

 private:
  internal::LocalMutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<PendingAnswer>> answers_ DEIMOS_GUARDED_BY(mutex_);
  std::uint64_t last_ DEIMOS_GUARDED_BY(mutex_) = 0;
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
};

InProcessTransport::InProcessTransport(Runtime& runtime, Endpoints endpoints)
    : runtime_(runtime), open_(std::make_unique<OpenExchanges>()) {
  for (const auto& [url, node] : endpoints) endpoints_.emplace(without_trailing_slash(url), node);
}

InProcessTransport::InProcessTransport(Runtime& runtime, Node& node)
    : InProcessTransport(runtime, {{NodeOptions().member.client_url, node}}) {}

InProcessTransport::InProcessTransport(Runtime& runtime, Cluster& cluster, std::string client)
    : InProcessTransport(runtime, endpoints_of(cluster)) {
  origin_.client = std::move(client);
}

InProcessTransport::~InProcessTransport() = default;

Exchange InProcessTransport::exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                      std::stop_token stop) {
  Exchange result = exchange_whole(endpoint, request, deadline, stop);
  if (result && request.method == "HEAD") result->body.clear();
  return result;
}

Exchange InProcessTransport::exchange_whole(const std::string& endpoint, const Request& request, TimePoint deadline,
                                            const std::stop_token& stop) {
  if (open_->closed()) return not_sent(Failure::Reason::closed, "the transport is closed");
  if (stop.stop_requested()) return not_sent(Failure::Reason::cancelled, "stopped before the request was sent");
  const auto found = endpoints_.find(without_trailing_slash(endpoint));
  if (found == endpoints_.end()) {
    return not_sent(Failure::Reason::refused, "connection refused: no node listens at " + endpoint);
  }
  Node& node = found->second;
  const auto answer = std::make_shared<PendingAnswer>(request.enough);
  const Node::Ticket ticket = node.handle(request, answer, origin_);
  if (ticket == 0) return answer->wait(runtime_, request.head_by, deadline, stop);

  const std::uint64_t number = open_->add(answer);
  if (number == 0) answer->close();  // Closed in between.
  Exchange result = answer->wait(runtime_, request.head_by, deadline, stop);
  open_->remove(number);
  if (!result || answer->ended_early()) node.abandon(ticket);
  return result;
}

void InProcessTransport::close() noexcept { open_->close(); }

}  // namespace deimos::fake
