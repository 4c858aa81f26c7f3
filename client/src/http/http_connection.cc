#include "http/http_connection.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>
#include <system_error>
#include <utility>

#include <httplib.h>
#include <openssl/ssl.h>

#include "http/answer_guards.h"
#include "http/tcp_link.h"

namespace deimos {
namespace {

/// Keeps a connection that breaks during a write from killing the process: OpenSSL cannot be told to send quietly.
class QuietPipe {
 public:
  QuietPipe() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~QuietPipe() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietPipe(const QuietPipe&) = delete;
  QuietPipe& operator=(const QuietPipe&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_;
};

/// What the HTTP library reads from and writes to, for one exchange. Gathers the request, and sends it with the first
/// read: head and body in one segment.
class LinkStream final : public httplib::Stream {
 public:
  LinkStream(TcpLink& link, int socket, SSL* tls, std::size_t most, TimePoint deadline)
      : link_(link), socket_(socket), tls_(tls), most_(most), deadline_(deadline) {
    if (tls_ != nullptr) ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
  }

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  [[nodiscard]] socket_t socket() const override { return socket_; }

  ssize_t write(const char* data, std::size_t size) override {
    request_.append(data, size);
    return static_cast<ssize_t>(size);
  }

  ssize_t read(char* data, std::size_t size) override {
    if (!request_.empty() && !send_request()) return -1;
    if (begin_ == end_) {
      if (at_end_) return 0;
      if (!fill()) return at_end_ ? 0 : -1;
    }
    const std::size_t taken = std::min(size, end_ - begin_);
    std::copy_n(buffer_.data() + begin_, taken, data);
    begin_ += taken;
    trailer_.pass({data, taken});
    return static_cast<ssize_t>(taken);
  }

  /// The request, or a part of it, was handed to the system.
  [[nodiscard]] bool sent() const noexcept { return sent_; }
  /// More came than the answer: nobody knows what it belongs to.
  [[nodiscard]] bool has_surplus() const noexcept { return begin_ != end_; }
  [[nodiscard]] bool too_large() const noexcept { return too_large_; }
  /// The library stopped at a trailer: the body is complete.
  [[nodiscard]] bool in_trailer() const noexcept { return trailer_.in_trailer() && link_.why().empty(); }

 private:
  bool send_request() {
    for (std::string_view rest = request_; !rest.empty();) {
      const ssize_t size = tls_ != nullptr ? tls_step([&] { return SSL_write(tls_, rest.data(), clamp(rest.size())); })
                                           : plain_send(rest);
      if (size <= 0) {
        link_.fail("the request could not be written");
        return false;
      }
      rest.remove_prefix(static_cast<std::size_t>(size));
    }
    request_.clear();
    return true;
  }

  ssize_t plain_send(std::string_view rest) {
    for (;;) {
      const ssize_t size = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (size >= 0) {
        sent_ = true;
        return size;
      }
      if (errno != EINTR && errno != EAGAIN) {
        link_.fail("the request could not be written: " + std::generic_category().message(errno));
        return -1;
      }
      if (!link_.wait_writable(socket_)) return -1;
    }
  }

  bool fill() {
    if (link_.is_over()) return false;  // TLS may have more without waiting for it.
    const ssize_t size = tls_ != nullptr
                             ? tls_step([&] { return SSL_read(tls_, buffer_.data(), clamp(buffer_.size())); })
                             : plain_receive();
    if (size <= 0) {
      at_end_ = size == 0;  // Which may be how the body ends.
      link_.fail(at_end_ ? "the server closed the connection before the answer was complete"
                         : "the answer could not be read");
      return false;
    }
    begin_ = 0;
    end_ = static_cast<std::size_t>(size);
    received_ += end_;
    if (const char* wrong = head_.pass({buffer_.data(), end_})) {
      link_.fail(wrong);
      return false;
    }
    if (head_.complete()) link_.limit(deadline_);  // Until then it was Request::head_by.
    // What frames the body may be a few times as long as the body, but not without end.
    constexpr std::size_t most_framing = 8;
    if (received_ / most_framing > most_ + longest_head) {
      too_large_ = true;
      return false;
    }
    return true;
  }

  ssize_t plain_receive() {
    for (;;) {
      if (!link_.wait_readable(socket_)) return -1;
      const ssize_t size = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (size >= 0) return size;
      if (errno != EINTR && errno != EAGAIN) {
        link_.fail("the answer could not be read: " + std::generic_category().message(errno));
        return -1;
      }
    }
  }

  /// One read or write of OpenSSL, which may need the socket to be readable or writable first.
  ssize_t tls_step(const std::function<int()>& step) {
    sent_ = true;  // A record may go out with any step.
    for (;;) {
      const int size = step();
      if (size > 0) return size;
      switch (SSL_get_error(tls_, size)) {
        case SSL_ERROR_ZERO_RETURN: return 0;
        case SSL_ERROR_WANT_READ:
          if (!link_.wait_readable(socket_)) return -1;
          break;
        case SSL_ERROR_WANT_WRITE:
          if (!link_.wait_writable(socket_)) return -1;
          break;
        default: return -1;
      }
    }
  }

  static int clamp(std::size_t size) noexcept {
    constexpr std::size_t most = 1U << 30U;
    return static_cast<int>(std::min(size, most));
  }

  TcpLink& link_;
  int socket_;
  SSL* tls_;
  std::size_t most_;
  TimePoint deadline_;
  std::string request_;
  std::array<char, 16384> buffer_;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled before it is read.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t received_ = 0;
  HeadGuard head_;
  TrailerGuard trailer_;
  bool sent_ = false;
  bool too_large_ = false;
  bool at_end_ = false;
};

/// The stream of the last exchange: by when its answer must be complete, and what became of it.
struct StreamEnd {
  TimePoint deadline = TimePoint::max();
  bool sent = false;
  bool surplus = false;
  bool too_large = false;
  bool in_trailer = false;
};

/// Has the handshake verify that the certificate is for `host`, as RFC 6125 says. The library's own check, which comes
/// after it, looks at the common name also where there are subject alternative names.
void expect_host(SSL_CTX* context, const std::string& host) {
  if (context == nullptr) return;  // A certificate or key that cannot be used, which is said later.
  X509_VERIFY_PARAM* const rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host.c_str()) == 1) return;
  X509_VERIFY_PARAM_set1_host(rules, host.data(), host.size());
}

/// The library's client, made to connect, read and write through a TcpLink.
template <typename Base>
class LinkedClient final : public Base {
 public:
  template <typename... Arguments>
  LinkedClient(TcpLink& link, const EndpointUrl& url, std::size_t most, StreamEnd& end, Arguments&&... arguments)
      : Base(url.host, url.port, std::forward<Arguments>(arguments)...),
        link_(link),
        url_(url),
        most_(most),
        end_(end) {}

 private:
  using Socket = typename Base::Socket;

  bool create_and_connect_socket(Socket& socket, httplib::Error& error) override {
    if (!this->is_valid()) {
      link_.fail("the certificate or key file cannot be used");
    } else {
      socket.sock = link_.open(url_);
    }
    if (socket.sock < 0) error = httplib::Error::Connection;
    return socket.sock >= 0;
  }

  bool process_socket(const Socket& socket, std::function<bool(httplib::Stream&)> callback) override {
    LinkStream stream(link_, socket.sock, socket.ssl, most_, end_.deadline);
    const bool good = callback(stream);
    end_.sent = stream.sent();
    end_.surplus = stream.has_surplus();
    end_.too_large = stream.too_large();
    end_.in_trailer = stream.in_trailer();
    return good;
  }

  TcpLink& link_;
  EndpointUrl url_;
  std::size_t most_;
  StreamEnd& end_;
};

}  // namespace

class HttpConnection::Impl {
 public:
  Impl(Runtime& runtime, const EndpointUrl& url, const HttpTransportOptions& options)
      : options_(options), secure_(url.tls), link_(runtime) {
    if (url.tls) {
      auto client = std::make_unique<LinkedClient<httplib::SSLClient>>(
          link_, url, options.max_answer_bytes, end_, options.tls.certificate_file, options.tls.key_file);
      if (!options.tls.ca_file.empty()) client->set_ca_cert_path(options.tls.ca_file);
      client->enable_server_certificate_verification(options.tls.verify);
      if (options.tls.verify) expect_host(client->ssl_context(), url.host);
      client_ = std::move(client);
    } else {
      client_ = std::make_unique<LinkedClient<httplib::ClientImpl>>(link_, url, options.max_answer_bytes, end_);
    }
    client_->set_keep_alive(true);
    client_->set_url_encode(false);
    client_->set_decompress(false);
    client_->set_connection_timeout(options.connect_timeout);
  }

  ~Impl() {
    const QuietPipe quiet;
    client_.reset();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void begin(TimePoint deadline, TimePoint head_by) {
    link_.begin(std::min(deadline, head_by), options_.connect_timeout);
    end_ = {.deadline = deadline};
  }

  Exchange exchange(const Request& request) {
    httplib::Request asked;
    asked.method = request.method;
    asked.path = request.target;
    for (const Header& header : request.headers) asked.headers.emplace(header.name, header.value);
    if (!request.content_type.empty()) asked.headers.emplace("Content-Type", request.content_type);
    asked.body = request.body;

    Response response;
    bool too_large = false;
    bool ended = false;  // By Request::enough.
    asked.response_handler = [&](const httplib::Response& head) {
      too_large = head.get_header_value<std::uint64_t>("Content-Length") > options_.max_answer_bytes;
      return !too_large;
    };
    asked.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      too_large = size > options_.max_answer_bytes - response.body.size();
      if (too_large) return false;
      response.body.append(data, size);
      ended = request.enough && request.enough(response.body);
      return !ended;
    };

    httplib::Response head;
    httplib::Error error = httplib::Error::Success;
    const bool good = send(asked, head, error) || ended || end_.in_trailer;
    if (!good || link_.aborted()) return tl::unexpected<Failure>(failure(error, too_large || end_.too_large));
    response.status = head.status;
    for (auto& [name, value] : head.headers) response.headers.push_back({name, std::move(value)});
    return response;
  }

  void abort(Failure::Reason reason) noexcept { link_.abort(reason); }

  void disown() noexcept {
    const int socket = client_->socket();
    const internal::Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    // The library says goodbye when it closes: to whatever has that number then.
    if (socket >= 0 && nothing) ::dup3(nothing.get(), socket, O_CLOEXEC);
  }

  [[nodiscard]] bool can_go_on() const {
    return client_->is_socket_open() != 0 && !end_.surplus && !link_.aborted() && !link_.is_disturbed();
  }
  [[nodiscard]] bool is_secure() const noexcept { return secure_; }
  [[nodiscard]] bool is_open() const { return client_->is_socket_open() != 0; }

 private:
  bool send(httplib::Request& asked, httplib::Response& head, httplib::Error& error) {
    if (!secure_) return client_->send(asked, head, error);
    const QuietPipe quiet;
    return client_->send(asked, head, error);
  }

  [[nodiscard]] Failure failure(httplib::Error error, bool too_large) const {
    using Reason = Failure::Reason;
    Failure failure;
    failure.delivery = end_.sent ? Delivery::unknown : Delivery::not_sent;
    failure.message = link_.why().empty() ? httplib::to_string(error) : link_.why();
    if (const auto reason = link_.aborted()) {
      failure.reason = *reason;
      failure.message = *reason == Reason::timed_out ? "no handshake in time" : "ended by this side";
    } else if (too_large) {
      failure.reason = Reason::too_large;
      failure.message = "the answer is longer than " + std::to_string(options_.max_answer_bytes) + " bytes";
    } else if (link_.timed_out()) {
      failure.reason = Reason::timed_out;
      failure.message = end_.sent ? "no complete answer in time" : "no connection in time";
    } else {
      failure.reason = end_.sent ? Reason::broken : Reason::refused;
    }
    return failure;
  }

  HttpTransportOptions options_;
  bool secure_;
  StreamEnd end_;
  TcpLink link_;
  std::unique_ptr<httplib::ClientImpl> client_;
};

HttpConnection::HttpConnection(Runtime& runtime, const EndpointUrl& url, const HttpTransportOptions& options)
    : impl_(std::make_unique<Impl>(runtime, url, options)) {}
HttpConnection::~HttpConnection() = default;

void HttpConnection::begin(TimePoint deadline, TimePoint head_by) { impl_->begin(deadline, head_by); }
Exchange HttpConnection::exchange(const Request& request) { return impl_->exchange(request); }
void HttpConnection::disown() noexcept { impl_->disown(); }
void HttpConnection::abort(Failure::Reason reason) noexcept { impl_->abort(reason); }
bool HttpConnection::can_go_on() const { return impl_->can_go_on(); }
bool HttpConnection::is_secure() const noexcept { return impl_->is_secure(); }
bool HttpConnection::is_open() const { return impl_->is_open(); }

}  // namespace deimos
