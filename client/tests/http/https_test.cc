// The same exchanges over TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include <httplib.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <deimos/client.h>
#include <deimos/http_transport.h>
#include <deimos/thread_runtime.h>

#include "http/raw_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using Reason = Failure::Reason;

/// A certificate that vouches for itself.
class Certificate {
 public:
  explicit Certificate(const char* common_name = "127.0.0.1", const char* alternative_names = "IP:127.0.0.1") {
    X509_set_version(x509_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), 3600);
    X509_set_pubkey(x509_.get(), key_.get());
    X509_NAME* name = X509_get_subject_name(x509_.get());
    const auto* text = reinterpret_cast<const unsigned char*>(common_name);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
    X509_set_issuer_name(x509_.get(), name);
    if (alternative_names != nullptr) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names);
      X509_add_ext(x509_.get(), extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x509_.get(), key_.get(), EVP_sha256());

    file_ = (std::filesystem::temp_directory_path() / ("deimos_ca_" + std::to_string(::getpid()) + ".pem")).string();
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new_file(file_.c_str(), "w"), &BIO_free);
    PEM_write_bio_X509(out.get(), x509_.get());
  }
  ~Certificate() { std::filesystem::remove(file_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  [[nodiscard]] X509* x509() const { return x509_.get(); }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_{EVP_EC_gen("P-256"), &EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> x509_{X509_new(), &X509_free};
  std::string file_;
};

class Https : public ::testing::Test {
 protected:
  Https() {
    server_.set_tcp_nodelay(true);
    server_.set_keep_alive_timeout(1);
    server_.Put(".*", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.target + " " + request.body, "text/plain");
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    listening_ = std::jthread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Https() override { server_.stop(); }

  Exchange ask(HttpTransport& transport, Duration timeout = 10s, std::stop_token stop = {}) {
    return transport.exchange("https://127.0.0.1:" + std::to_string(port_), put_,
                              saturating_add(runtime->now(), timeout), std::move(stop));
  }

  std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
  Certificate certificate;

 private:
  Request put_{.method = "PUT", .target = "/keys/a", .headers = {}, .body = "value=1", .content_type = "text/plain"};
  httplib::SSLServer server_{certificate.x509(), certificate.key()};
  int port_ = 0;
  std::jthread listening_;
};

TEST_F(Https, TrustsTheAuthorityItIsGiven) {
  HttpTransport transport(runtime, {.tls = {.ca_file = certificate.file()}});
  for (int i = 0; i < 3; ++i) {
    const Exchange exchange = ask(transport);
    ASSERT_TRUE(exchange) << exchange.error().message;
    EXPECT_EQ(exchange->body, "/keys/a value=1");
  }
}

TEST_F(Https, SendsNothingToAServerItCannotVerify) {
  HttpTransport transport(runtime);
  const Exchange exchange = ask(transport);
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_EQ(exchange.error().reason, Reason::refused);
  EXPECT_NE(exchange.error().message, "");
}

TEST(HttpsHost, IsVerifiedByAlternativeNamesWhereThereAreAny) {
  struct Case {
    const char* common_name;
    const char* alternative_names;
    bool accepted;
  };
  for (const Case& each : {Case{"another", "DNS:localhost", true}, Case{"localhost", nullptr, true},
                           Case{"localhost", "DNS:another", false}, Case{"another", "DNS:*", false},
                           Case{"*", nullptr, false}, Case{"another", "DNS:*.localhost", false}}) {
    const Certificate certificate(each.common_name, each.alternative_names);
    httplib::SSLServer server(certificate.x509(), certificate.key());
    server.Get(".*",
               [](const httplib::Request&, httplib::Response& response) { response.set_content("x", "text/plain"); });
    const int port = server.bind_to_any_port("localhost");
    const std::jthread listening([&] { server.listen_after_bind(); });
    while (!server.is_running()) std::this_thread::yield();
    const auto runtime = std::make_shared<ThreadRuntime>();
    HttpTransport transport(runtime, {.tls = {.ca_file = certificate.file()}});
    Request get;
    get.method = "GET";
    get.target = "/";
    const Exchange exchange =
        transport.exchange("https://localhost:" + std::to_string(port), get, runtime->now() + 10s, {});
    EXPECT_EQ(exchange.has_value(), each.accepted) << each.common_name << " " << each.alternative_names;
    EXPECT_TRUE(exchange || exchange.error().delivery == Delivery::not_sent);
    server.stop();
  }
}

/// A file of that content, for as long as this lives.
class TextFile {
 public:
  explicit TextFile(const std::string& content)
      : path_(
            (std::filesystem::temp_directory_path() / ("deimos_tls_" + std::to_string(::getpid()) + ".txt")).string()) {
    std::ofstream(path_) << content;
  }
  ~TextFile() { std::filesystem::remove(path_); }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(HttpsFiles, ThatCannotBeUsedAreRefusedAtOnceSayingWhichAndWhy) {
  const Certificate certificate;
  const TextFile text("-----BEGIN NOTHING-----");
  const auto refusal = [](TlsOptions tls) {
    const auto client = Client::make({.endpoints = {"https://127.0.0.1:1"}, .tls = std::move(tls)});
    return client ? std::string() : client.error().message;
  };
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(refusal({.ca_file = "/no/such.pem"}),
              AllOf(HasSubstr("tls.ca_file"), HasSubstr("/no/such.pem"), HasSubstr("No such file")));
  EXPECT_THAT(refusal({.ca_file = "/"}), AllOf(HasSubstr("tls.ca_file"), HasSubstr("directory")));
  EXPECT_THAT(refusal({.ca_file = text.path()}), AllOf(HasSubstr("tls.ca_file"), HasSubstr(text.path())));
  EXPECT_THAT(refusal({.certificate_file = "/no/such.pem", .key_file = "/no/such.key"}),
              AllOf(HasSubstr("tls.certificate_file"), HasSubstr("No such file")));
  EXPECT_THAT(refusal({.certificate_file = certificate.file(), .key_file = certificate.file()}),
              AllOf(HasSubstr("tls.key_file"), HasSubstr(certificate.file())));
  EXPECT_EQ(refusal({.ca_file = certificate.file()}), "");
}

TEST_F(Https, VerifiesNothingIfToldSo) {
  HttpTransport transport(runtime, {.tls = {.verify = false}});
  EXPECT_TRUE(ask(transport));
}

TEST_F(Https, ACertificateFileThatIsMissingIsAClearError) {
  HttpTransport transport(runtime, {.tls = {.certificate_file = "/no/such.pem", .key_file = "/no/such.key"}});
  const Exchange exchange = ask(transport);
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_THAT(exchange.error().message, ::testing::HasSubstr("certificate"));
}

TEST_F(Https, AServerThatNeverShakesHandsIsLeftAtTheDeadlineOrAtACancel) {
  HttpTransport transport(runtime, {.connect_timeout = 1h});
  std::stop_source stop;
  std::atomic<bool> cancel = false;
  const RawServer silent([&](const RawConnection& connection) {
    if (cancel) stop.request_stop();
    connection.wait_for_close();
  });
  const std::string url = "https" + silent.url().substr(4);
  const Request get{.method = "GET", .target = "/", .headers = {}, .body = {}, .content_type = {}};
  const Exchange late = transport.exchange(url, get, runtime->now() + 50ms, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, Reason::timed_out);
  EXPECT_EQ(late.error().delivery, Delivery::not_sent);
  cancel = true;
  const Exchange cancelled = transport.exchange(url, get, runtime->now() + 1h, stop.get_token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().reason, Reason::cancelled);
}

TEST_F(Https, APlainServerIsNotTakenForASecureOne) {
  HttpTransport transport(runtime, {.tls = {.verify = false}});
  const RawServer plain([](const RawConnection& connection) { connection.send(http_answer("hello")); });
  const Request get{.method = "GET", .target = "/", .headers = {}, .body = {}, .content_type = {}};
  const Exchange exchange = transport.exchange("https" + plain.url().substr(4), get, runtime->now() + 10s, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
}

}  // namespace
}  // namespace deimos
