#include <deimos/fake/http_server.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <list>
#include <system_error>
#include <thread>
#include <utility>

#include <deimos/internal/descriptor.h>
#include <deimos/internal/local_mutex.h>
#include "http/http_connection.h"

namespace deimos::fake {
namespace {

/// Until then a server that stops waits for answers under way to be taken; then it cuts the connections.
constexpr std::chrono::milliseconds farewell_time{300};
/// Clients that were declined are kept for a while, so that closing does not reset the connection under the answer.
constexpr std::size_t declined_kept = 64;
constexpr int declined_kept_milliseconds = 500;

}  // namespace

/// One thread accepts, each connection has one of its own. A thread that is done puts its session on the list of those
/// that ended, and the accepting thread joins it.
class HttpServer::Impl {
 public:
  Impl(RequestHandler& handler, HttpListener listener, HttpServerOptions options)
      : handler_(handler),
        options_(std::move(options)),
        listener_(std::move(listener)),
        wake_(::eventfd(0, EFD_CLOEXEC)) {
    if (!wake_) throw std::system_error(errno, std::generic_category(), "cannot start an HTTP server");
    acceptor_ = std::thread([this] { accept_all(); });
    handler_.on_reachable([this](bool reachable) { set_reachable(reachable); });
  }

  ~Impl() {
    handler_.on_reachable(nullptr);
    {
      const internal::LocalMutexLock lock(mutex_);
      stopping_ = true;
    }
    wake_acceptor();
    acceptor_.join();
    const auto none_left = [this] {
      mutex_.assert_held();
      return sessions_.empty();
    };
    internal::LocalMutexLock lock(mutex_);
    for (Session& session : sessions_) session.connection.finish();
    all_ended_.wait_for(lock.native(), farewell_time, none_left);
    for (Session& session : sessions_) session.connection.abort();
    all_ended_.wait(lock.native(), none_left);
    lock.unlock();
    join_ended();
  }

  [[nodiscard]] const HttpListener& listener() const noexcept { return listener_; }

  [[nodiscard]] std::size_t connections() const {
    const internal::LocalMutexLock lock(mutex_);
    return sessions_.size();
  }

 private:
  struct Session {
    Session(internal::Descriptor socket, RequestHandler& handler, const HttpServerOptions& options)
        : connection(std::move(socket), handler, options) {}
    HttpConnection connection;
    std::thread thread;
  };
  using Sessions = std::list<Session>;

  /// Breaks every connection, and refuses new ones until it is reachable again.
  void set_reachable(bool reachable) {
    listener_.accept_connections(reachable);
    reachable_ = reachable;
    wake_acceptor();
    if (reachable) return;
    const internal::LocalMutexLock lock(mutex_);
    for (Session& session : sessions_) session.connection.abort();
  }

  void accept_all() {
    std::array<pollfd, 2> watched{{{wake_.get(), POLLIN, 0}, {listener_.descriptor(), POLLIN, 0}}};
    while (!stopping()) {
      watched[1].fd = reachable_ ? listener_.descriptor() : -1;
      const int timeout = declined_.empty() ? -1 : declined_kept_milliseconds;
      if (::poll(watched.data(), watched.size(), timeout) == 0) declined_.clear();
      if (watched[0].revents != 0) {
        eventfd_t ignored = 0;
        ::eventfd_read(wake_.get(), &ignored);
        join_ended();
      }
      if (watched[1].revents != 0 && reachable_) accept_one();
    }
  }

  void accept_one() {
    internal::Descriptor socket(::accept4(listener_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
    if (socket) {
      begin(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      // The client waits in the backlog until a connection ends, which wakes us, or somebody else lets go of something.
      pollfd watched{wake_.get(), POLLIN, 0};
      ::poll(&watched, 1, 20);
    }
  }

  void begin(internal::Descriptor socket) {
    Sessions fresh;
    fresh.emplace_back(std::move(socket), handler_, options_);
    const Sessions::iterator session = fresh.begin();
    const char* refusal = nullptr;
    {
      const internal::LocalMutexLock lock(mutex_);
      if (sessions_.size() >= options_.limits.connections) {
        refusal = "too many connections";
      } else if (!start(session)) {
        refusal = "no thread left for another connection";
      } else {
        sessions_.splice(sessions_.end(), fresh);
      }
    }
    if (refusal != nullptr) decline(fresh, refusal);
  }

  /// Its thread waits for the mutex before it ends.
  bool start(Sessions::iterator session) {
    try {
      session->thread = std::thread([this, session] { run(session); });
      return true;
    } catch (const std::system_error&) {
      return false;
    }
  }

  void decline(Sessions& fresh, const char* reason) {
    fresh.front().connection.decline(reason);
    declined_.splice(declined_.end(), fresh);
    if (declined_.size() > declined_kept) declined_.pop_front();
  }

  void run(Sessions::iterator session) {
    session->connection.serve();
    {
      const internal::LocalMutexLock lock(mutex_);
      ended_.splice(ended_.end(), sessions_, session);
      if (sessions_.empty()) all_ended_.notify_all();
    }
    wake_acceptor();
  }

  void join_ended() {
    Sessions ended;
    {
      const internal::LocalMutexLock lock(mutex_);
      ended.swap(ended_);
    }
    for (Session& session : ended) session.thread.join();
  }

  void wake_acceptor() { ::eventfd_write(wake_.get(), 1); }

  [[nodiscard]] bool stopping() const {
    const internal::LocalMutexLock lock(mutex_);
    return stopping_;
  }

  RequestHandler& handler_;
  const HttpServerOptions options_;
  HttpListener listener_;
  std::atomic<bool> reachable_ = true;
  internal::Descriptor wake_;
  mutable internal::LocalMutex mutex_;
  std::condition_variable all_ended_;
  Sessions sessions_ DEIMOS_GUARDED_BY(mutex_);
  Sessions ended_ DEIMOS_GUARDED_BY(mutex_);
  Sessions declined_;  // Of the accepting thread.
  bool stopping_ DEIMOS_GUARDED_BY(mutex_) = false;
  std::thread acceptor_;
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
