#include <deimos/http_transport.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include <deimos/internal/local_mutex.h>

#include "http/http_connection.h"
#include "wire/endpoint_url.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

/// Servers close connections that lie idle; the commonest limit is 5 s. One that is closed just as a write goes out
/// leaves its outcome unknown, so better not to come near it.
constexpr Duration longest_idle = 4s;

tl::unexpected<Failure> not_sent(Failure::Reason reason, std::string message) {
  return tl::unexpected<Failure>(
      Failure{.reason = reason, .delivery = Delivery::not_sent, .message = std::move(message)});
}

}  // namespace

class HttpTransport::Impl {
 public:
  Impl(std::shared_ptr<Runtime> runtime, HttpTransportOptions options)
      : runtime_(std::move(runtime)), options_(std::move(options)) {}
  ~Impl() {
    if (!runtime_->is_of_this_process()) disown_connections();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline, std::stop_token stop) {
    if (!runtime_->is_of_this_process()) {
      return not_sent(Failure::Reason::closed, "the transport belongs to the process that forked this one");
    }
    if (stop.stop_requested()) return not_sent(Failure::Reason::cancelled, "cancelled before it was sent");
    if (runtime_->now() >= deadline) return not_sent(Failure::Reason::timed_out, "no time left to send it");
    auto connection = take(endpoint);
    if (!connection) return tl::unexpected<Failure>(std::move(connection.error()));

    Exchange exchange = run(**connection, request, deadline, std::move(stop));
    put_back(endpoint, std::move(*connection));
    return exchange;
  }

  void close() noexcept {
    if (!runtime_->is_of_this_process()) return;
    std::map<std::string, std::vector<Idle>> idle;
    const internal::LocalMutexLock lock(mutex_);
    closed_ = true;
    for (HttpConnection* connection : busy_) connection->abort(Failure::Reason::closed);
    idle_.swap(idle);
  }

  void forget(const std::string& endpoint) noexcept {
    if (!runtime_->is_of_this_process()) return;
    std::vector<Idle> forgotten;
    const internal::LocalMutexLock lock(mutex_);
    if (const auto found = idle_.find(endpoint); found != idle_.end()) {
      forgotten.swap(found->second);
      idle_.erase(found);
    }
  }

  [[nodiscard]] std::size_t idle_connections() const {
    const internal::LocalMutexLock lock(mutex_);
    std::size_t count = 0;
    for (const auto& [endpoint, connections] : idle_) count += connections.size();
    return count;
  }

 private:
  using Connection = std::unique_ptr<HttpConnection>;
  struct Idle {
    Connection connection;
    TimePoint since;
  };

  Exchange run(HttpConnection& connection, const Request& request, TimePoint deadline, std::stop_token stop) {
    connection.begin(deadline, request.head_by);
    {
      const internal::LocalMutexLock lock(mutex_);
      if (closed_) return not_sent(Failure::Reason::closed, "the transport is closed");
      busy_.push_back(&connection);
    }
    struct Done {
      Impl& self;
      HttpConnection* connection;
      ~Done() {
        const internal::LocalMutexLock lock(self.mutex_);
        std::erase(self.busy_, connection);
      }
    } const done{*this, &connection};
    const std::stop_callback cancel(std::move(stop), [&] { connection.abort(Failure::Reason::cancelled); });
    const std::unique_ptr<Task> limit = limit_handshake(connection, std::min(deadline, request.head_by));
    return connection.exchange(request);
  }

  /// The library's handshake has a time-out for each step, none for the whole. Null if there will be no handshake.
  std::unique_ptr<Task> limit_handshake(HttpConnection& connection, TimePoint deadline) {
    if (connection.is_open() || !connection.is_secure()) return nullptr;
    const TimePoint end = deadline;
    return runtime_->spawn("deimos tls limit", [this, &connection, end](const std::stop_token& over) {
      if (runtime_->sleep_until(end, over)) connection.abort(Failure::Reason::timed_out);
    });
  }

  tl::expected<Connection, Failure> take(const std::string& endpoint) {
    while (Connection idle = take_idle(endpoint)) {
      if (idle->can_go_on()) return idle;
    }
    const auto url = EndpointUrl::parse(endpoint);
    if (!url) return not_sent(Failure::Reason::refused, url.error());
    return std::make_unique<HttpConnection>(*runtime_, *url, options_);
  }

  /// The one that was used last; drops those that have been idle for too long. Null if there is none.
  Connection take_idle(const std::string& endpoint) {
    std::vector<Idle> stale;
    const TimePoint oldest = runtime_->now() - longest_idle;
    const internal::LocalMutexLock lock(mutex_);
    const auto found = idle_.find(endpoint);
    if (found == idle_.end()) return nullptr;
    std::vector<Idle>& connections = found->second;
    const auto fresh =
        std::find_if(connections.begin(), connections.end(), [&](const Idle& idle) { return idle.since > oldest; });
    stale.assign(std::move_iterator(connections.begin()), std::move_iterator(fresh));
    connections.erase(connections.begin(), fresh);
    if (connections.empty()) return nullptr;
    Connection last = std::move(connections.back().connection);
    connections.pop_back();
    return last;
  }

  /// They are the other process's, to which a farewell of ours would be the end of a connection.
  void disown_connections() DEIMOS_NO_THREAD_ANALYSIS {  // Whoever held the mutex is not in this process.
    for (auto& [endpoint, connections] : idle_) {
      for (Idle& idle : connections) idle.connection->disown();
    }
  }

  /// Those of endpoints that are not asked any more would stay for ever.
  void drop_stale(TimePoint now, std::vector<Idle>& stale) DEIMOS_REQUIRES(mutex_) {
    if (now < next_sweep_) return;
    next_sweep_ = saturating_add(now, longest_idle);
    for (auto of_endpoint = idle_.begin(); of_endpoint != idle_.end();) {
      std::vector<Idle>& connections = of_endpoint->second;
      const auto fresh = std::find_if(connections.begin(), connections.end(),
                                      [&](const Idle& idle) { return idle.since > now - longest_idle; });
      stale.insert(stale.end(), std::move_iterator(connections.begin()), std::move_iterator(fresh));
      connections.erase(connections.begin(), fresh);
      of_endpoint = connections.empty() ? idle_.erase(of_endpoint) : std::next(of_endpoint);
    }
  }

  void put_back(const std::string& endpoint, Connection connection) {
    if (!connection->can_go_on()) return;
    std::vector<Idle> stale;
    const TimePoint now = runtime_->now();
    const internal::LocalMutexLock lock(mutex_);
    if (closed_) return;
    drop_stale(now, stale);
    std::vector<Idle>& connections = idle_[endpoint];
    if (connections.size() < options_.max_idle_connections) connections.push_back({std::move(connection), now});
  }

  std::shared_ptr<Runtime> runtime_;
  HttpTransportOptions options_;
  mutable internal::LocalMutex mutex_;
  bool closed_ DEIMOS_GUARDED_BY(mutex_) = false;
  TimePoint next_sweep_ DEIMOS_GUARDED_BY(mutex_);
  std::vector<HttpConnection*> busy_ DEIMOS_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<Idle>> idle_
      DEIMOS_GUARDED_BY(mutex_);  ///< Of each endpoint, the longest idle first.
};

HttpTransport::HttpTransport(std::shared_ptr<Runtime> runtime, HttpTransportOptions options)
    : impl_(std::make_unique<Impl>(std::move(runtime), std::move(options))) {}

HttpTransport::~HttpTransport() = default;

Exchange HttpTransport::exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                 std::stop_token stop) {
  try {
    return impl_->exchange(endpoint, request, deadline, std::move(stop));
  } catch (const std::system_error& error) {  // No thread for a handshake's limit.
    return not_sent(Failure::Reason::refused, error.what());
  }
}

void HttpTransport::close() noexcept { impl_->close(); }
void HttpTransport::forget(const std::string& endpoint) noexcept { impl_->forget(endpoint); }
std::size_t HttpTransport::idle_connections() const { return impl_->idle_connections(); }

}  // namespace deimos
