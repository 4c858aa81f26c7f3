#include <deimos/fake/http_server.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deimos/internal/local_mutex.h>
#include "http/http_connection.h"

namespace deimos::fake {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

/// Until then a server that stops waits for answers under way to be taken; then it cuts the connections.
constexpr milliseconds farewell_time{300};
/// When to look again whether there is a descriptor for the next client, which waits in the backlog, or whether the
/// port is free again.
constexpr milliseconds accept_retry_time{20};
/// Clients that were declined are kept for a while to read why; the oldest go when there are more.
constexpr std::size_t declined_kept = 64;

/// A second descriptor of the listening socket.
int duplicate(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw std::system_error(errno, std::generic_category(), "cannot start an HTTP server");
  return copy;
}

}  // namespace

/// One thread does everything, however many connections there are. Others come in by abort() and by post() alone.
class HttpServer::Impl {
 public:
  Impl(RequestHandler& handler, HttpListener listener, HttpServerOptions options)
      : options_(std::move(options)),
        listener_(std::move(listener)),
        serving_{.handler = handler, .options = options_} {
    acceptor_.assign(tcp::v4(), duplicate(listener_.descriptor()));
    accept_next();
    thread_ = std::thread([this] { io_.run(); });
    handler.on_reachable([this](bool reachable) { set_reachable(reachable); });
  }

  ~Impl() {
    serving_.handler.on_reachable(nullptr);
    asio::post(io_, [this] { stop(); });
    {
      internal::LocalMutexLock lock(mutex_);
      const auto none_left = [this] {
        mutex_.assert_held();
        return stopped_ && connections_.empty();
      };
      all_ended_.wait_for(lock.native(), farewell_time, none_left);
      abort_all();
      all_ended_.wait(lock.native(), none_left);
    }
    work_.reset();
    thread_.join();
  }

  [[nodiscard]] const HttpListener& listener() const noexcept { return listener_; }

  [[nodiscard]] std::size_t connections() const {
    const internal::LocalMutexLock lock(mutex_);
    return connections_.size();
  }

 private:
  using Connection = std::shared_ptr<HttpConnection>;

  /// Breaks every connection, and refuses new ones until it is reachable again.
  void set_reachable(bool reachable) {
    const internal::LocalMutexLock lock(mutex_);
    reachable_ = reachable;
    listener_.accept_connections(reachable);
    if (!reachable) return abort_all();
    asio::post(io_, [this] { accept_next(); });
  }

  /// Somebody else may have taken the port while the node was crashed. False while it is.
  [[nodiscard]] bool listen_again() {
    const internal::LocalMutexLock lock(mutex_);
    if (reachable_) listener_.accept_connections(true);
    return reachable_;
  }

  void accept_next() {
    if (stopping_ || std::exchange(accepting_, true)) return;
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      accepting_ = false;
      if (!error) begin(std::move(socket));
      if (!error || error == asio::error::connection_aborted) return accept_next();
      // Either the socket does not listen, or no descriptor is left for another client.
      if (stopping_ || (error == asio::error::invalid_argument && !listen_again())) return;
      retry_.expires_after(accept_retry_time);
      retry_.async_wait([this](error_code /*error*/) { accept_next(); });
    });
  }

  void begin(tcp::socket socket) {
    const auto connection =
        std::make_shared<HttpConnection>(std::move(socket), serving_, [this](HttpConnection& ended) { forget(ended); });
    switch (admit(connection)) {
      case Admission::served: return connection->serve();
      case Admission::refused: return;
      case Admission::declined: break;
    }
    declined_.push_back(connection);
    connection->decline("too many connections");
    if (declined_.size() > declined_kept) Connection(declined_.front())->finish();
  }

  enum class Admission { served, declined, refused };
  Admission admit(const Connection& connection) {
    const internal::LocalMutexLock lock(mutex_);
    if (!reachable_) return Admission::refused;
    if (connections_.size() >= options_.limits.connections) return Admission::declined;
    connections_.emplace(connection.get(), connection);
    return Admission::served;
  }

  void forget(HttpConnection& ended) {
    std::erase_if(declined_, [&](const Connection& connection) { return connection.get() == &ended; });
    const internal::LocalMutexLock lock(mutex_);
    connections_.erase(&ended);
    tell_if_all_ended();
  }

  void stop() {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
    for (const Connection& connection : std::exchange(declined_, {})) connection->finish();
    for (const Connection& connection : all_connections()) connection->finish();
    const internal::LocalMutexLock lock(mutex_);
    stopped_ = true;
    tell_if_all_ended();
  }

  [[nodiscard]] std::vector<Connection> all_connections() const {
    const internal::LocalMutexLock lock(mutex_);
    std::vector<Connection> all;
    all.reserve(connections_.size());
    for (const auto& [address, connection] : connections_) all.push_back(connection);
    return all;
  }

  void abort_all() DEIMOS_REQUIRES(mutex_) {
    for (const auto& [address, connection] : connections_) connection->abort();
  }

  void tell_if_all_ended() DEIMOS_REQUIRES(mutex_) {
    if (stopped_ && connections_.empty()) all_ended_.notify_all();
  }

  const HttpServerOptions options_;
  HttpListener listener_;
  asio::io_context io_{1};
  HttpServing serving_;

  mutable internal::LocalMutex mutex_;
  std::condition_variable all_ended_;
  /// Each is taken out before its socket is closed, so that whoever holds the mutex may abort what is here.
  std::unordered_map<const HttpConnection*, Connection> connections_ DEIMOS_GUARDED_BY(mutex_);
  bool reachable_ DEIMOS_GUARDED_BY(mutex_) = true;
  bool stopped_ DEIMOS_GUARDED_BY(mutex_) = false;  // What was open then is all that is left.

  // Of the server's thread:
  tcp::acceptor acceptor_{io_};
  asio::steady_timer retry_{io_};
  std::deque<Connection> declined_;
  bool accepting_ = false;
  bool stopping_ = false;

  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::thread thread_;
};

HttpServer::HttpServer(RequestHandler& handler, HttpServerOptions options)
    : HttpServer(handler, HttpListener(options.host, options.port), options) {}

HttpServer::HttpServer(RequestHandler& handler, HttpListener listener, HttpServerOptions options)
    : impl_(std::make_unique<Impl>(handler, std::move(listener), std::move(options))) {}

HttpServer::~HttpServer() = default;

std::uint16_t HttpServer::port() const noexcept { return impl_->listener().port(); }
std::string HttpServer::url() const { return impl_->listener().url(); }
std::size_t HttpServer::connections() const { return impl_->connections(); }

}  // namespace deimos::fake
