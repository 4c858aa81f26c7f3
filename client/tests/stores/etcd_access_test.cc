// Who may use an etcd, and what is not one.
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/raw_server.h"
#include "stores/etcd_suite.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class EtcdWithUsers : public EtcdSuite {
 protected:
  void SetUp() override {
    EtcdSuite::SetUp();
    server.ctl({"user", "add", "root:secret"});
    server.ctl({"user", "add", "ann:pass word"});
    server.ctl({"role", "add", "locker"});
    server.ctl({"role", "grant-permission", "locker", "--prefix=true", "readwrite", "/locks"});
    server.ctl({"user", "grant-role", "ann", "locker"});
    server.ctl({"user", "grant-role", "root", "root"});
    ASSERT_EQ(server.ctl({"auth", "enable"}).status, 0);
  }
  LockManager manager_of(std::optional<Credentials> credentials, LockOptions options = {}) {
    return manager(connect({.credentials = std::move(credentials)}), std::move(options));
  }
};

TEST_F(EtcdWithUsers, WhoMayNotIsToldSoAtOnceAndWhatToChange) {
  const auto refusal_of = [&](std::optional<Credentials> credentials, LockOptions options = {}) {
    LockManager locks = manager_of(std::move(credentials), std::move(options));
    const TimePoint began = runtime->now();
    const Result<Hold> held = locks.mutex("m").acquire();
    EXPECT_LT(runtime->now() - began, 3s);  // To compare passwords takes etcd long.
    if (held) return std::string("it was let in");
    EXPECT_EQ(held.error().code, errc::invalid_argument);
    return held.error().describe();
  };
  EXPECT_THAT(refusal_of(Credentials{"ann", "wrong"}), HasSubstr("does not know user 'ann' with that password"));
  EXPECT_THAT(refusal_of(Credentials{"bob", "x"}), HasSubstr("does not know user 'bob'"));
  EXPECT_THAT(refusal_of(std::nullopt), HasSubstr("set EtcdOptions::credentials"));
  EXPECT_THAT(refusal_of(Credentials{"ann", "pass word"}, {.prefix = "/others"}), HasSubstr("grant a role"));
}

class EtcdWithoutUsers : public EtcdSuite {};

TEST_F(EtcdWithoutUsers, CredentialsThatNobodyWantsDoNoHarm) {
  LockManager locks = manager(connect({.credentials = Credentials{"ann", "x"}}));
  const Result<Hold> held = locks.mutex("m").acquire();
  EXPECT_TRUE(held) << why(held);
}

TEST_F(EtcdWithoutUsers, AfterCloseNothingIsSent) {
  const auto backend = connect();
  ASSERT_TRUE(backend->acquire("/locks/m", "t", 10s, soon()));
  backend->close();
  requests->reset();
  const auto refused = backend->acquire("/locks/n", "t", 10s, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::closed) << why(refused);
  EXPECT_EQ(requests->total(), 0);
  backend->close();
}

TEST_F(EtcdWithoutUsers, ChildOfForkDoesNothingWithIt) {
  auto backend = connect();
  ASSERT_TRUE(backend->acquire("/locks/m", "t", 10s, soon()));
  const Deadline until = soon();
  const pid_t child = ::fork();
  if (child == 0) {
    const auto refused = backend->acquire("/locks/n", "t", 10s, until);
    const auto kept = backend->release("/locks/m", "t", until);
    backend->close();
    backend.reset();
    ::_exit(!refused && refused.error().code == errc::closed && !kept && kept.error().code == errc::closed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(leases(), 1);
  EXPECT_TRUE(backend->release("/locks/m", "t", soon()));
}

/// A folder with an authority, and a certificate of it for the server and for a client.
class Certificates {
 public:
  Certificates() {
    const auto make = [&](const std::string& name, const std::string& more) {
      const std::string script = "cd " + folder_.path().string() +
                                 " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + name +
                                 ".key -subj /CN=" + name + " " + more;
      ASSERT_EQ(run_program({"sh", "-c", script}).status, 0);
    };
    make("ca", "-x509 -days 2 -out ca.pem");
    std::ofstream(folder_.path() / "names") << "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n";
    for (const std::string name : {"server", "client"}) {
      std::string request =
          "-out NAME.csr && openssl x509 -req -days 2 -in NAME.csr -CA ca.pem -CAkey ca.key "
          "-CAcreateserial -extfile names -out NAME.pem";
      for (std::size_t at = request.find("NAME"); at != std::string::npos; at = request.find("NAME")) {
        request.replace(at, 4, name);
      }
      make(name, request);
    }
  }
  [[nodiscard]] std::string file(const std::string& name) const { return (folder_.path() / name).string(); }

 private:
  ScratchFolder folder_;
};

class EtcdOverTls : public ::testing::Test {
 protected:
  Certificates certificates;
  EtcdServer server{{.more_arguments = {"--cert-file=" + certificates.file("server.pem"),
                                        "--key-file=" + certificates.file("server.key"), "--client-cert-auth",
                                        "--trusted-ca-file=" + certificates.file("ca.pem")},
                     .tls = true}};
};

TEST_F(EtcdOverTls, ClientCertificateOpensTheDoor) {
  server.start();
  ASSERT_TRUE(server.wait_until_ready());
  const auto backend =
      std::make_shared<EtcdBackend>(EtcdOptions{.endpoints = {server.url()},
                                                .tls = {.ca_file = certificates.file("ca.pem"),
                                                        .certificate_file = certificates.file("client.pem"),
                                                        .key_file = certificates.file("client.key")}});
  LockManager locks(backend, backend->runtime());
  const Result<Hold> held = locks.mutex("m").acquire({.wait = 10s});
  ASSERT_TRUE(held) << why(held);
  EXPECT_TRUE(held->renew());
  EXPECT_FALSE(locks.mutex("m").acquire({.wait = 300ms, .owner = 7}));

  const auto stranger = std::make_shared<EtcdBackend>(
      EtcdOptions{.endpoints = {server.url()}, .tls = {.ca_file = certificates.file("ca.pem")}});
  LockManager others(stranger, stranger->runtime(), {.request_timeout = 1s});
  EXPECT_FALSE(others.mutex("n").acquire({.wait = 1s}));
}

class NoEtcd : public ::testing::Test {
 protected:
  /// What a lock says of whatever is at that address, and that it does so within the connect time-out.
  std::string refusal_at(const std::string& url, errc code = errc::protocol_error) {
    const auto backend = std::make_shared<EtcdBackend>(EtcdOptions{.endpoints = {url}, .connect_timeout = 1s});
    const auto runtime = backend->runtime();
    const TimePoint began = runtime->now();
    const auto refused = backend->acquire("/locks/m", "t", 10s, {began + 10s});
    EXPECT_LT(runtime->now() - began, 1500ms);
    if (refused) return "it was taken for an etcd";
    EXPECT_EQ(refused.error().code, code) << refused.error().describe();
    LockManager locks(backend, runtime, {.request_timeout = 1s});
    const Result<Hold> held = locks.mutex("m").acquire({.wait = code == errc::protocol_error ? 30s : 1s});
    EXPECT_FALSE(held);
    EXPECT_LT(runtime->now() - began, 5s) << "it waited for an etcd that will not be";
    return refused.error().describe();
  }
  static std::string etcd_of(const std::string& version) { return R"({"etcdserver":")" + version + R"("})"; }
};

TEST_F(NoEtcd, WebServer) {
  const RawServer server([](const RawConnection& connection) {
    while (!connection.read_request().empty()) connection.send(http_answer("<html>welcome</html>"));
  });
  EXPECT_THAT(refusal_at(server.url()), HasSubstr("no etcd"));
}

TEST_F(NoEtcd, Redis) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_request();
    connection.send("-ERR wrong number of arguments for 'get' command\r\n");
  });
  const std::string said = refusal_at(server.url());
  EXPECT_THAT(said, HasSubstr("does not speak HTTP"));
  EXPECT_THAT(said, HasSubstr("2379"));
}

TEST_F(NoEtcd, Deimos) {
  fake::Node node;
  const fake::HttpServer server(node);
  EXPECT_THAT(refusal_at(server.url()), HasSubstr("no etcd"));
}

TEST_F(NoEtcd, VersionTwo) {
  const RawServer server([](const RawConnection& connection) {
    while (!connection.read_request().empty()) connection.send(http_answer(etcd_of("2.3.8")));
  });
  EXPECT_THAT(refusal_at(server.url()), HasSubstr("etcd 2.3.8 is too old"));
}

TEST_F(NoEtcd, EtcdWithoutAGateway) {
  EtcdServer server({.more_arguments = {"--enable-grpc-gateway=false"}});
  server.start();
  ASSERT_TRUE(server.wait_until_ready());
  EXPECT_THAT(refusal_at(server.url()), HasSubstr("--enable-grpc-gateway"));
}

TEST_F(NoEtcd, SilentServer) {
  const RawServer server([](const RawConnection& connection) { connection.wait_for_close(); });
  EXPECT_THAT(refusal_at(server.url(), errc::unavailable), HasSubstr("in time"));
}

TEST_F(NoEtcd, Nobody) {
  EXPECT_THAT(refusal_at("http://127.0.0.1:" + std::to_string(free_port()), errc::unavailable), HasSubstr("refused"));
}

TEST(EtcdOptionsCheck, WhatCannotBeUsedIsRefused) {
  const auto code = [](EtcdOptions options) {
    const auto made = EtcdBackend::make(std::move(options));
    return made ? std::error_code() : made.error().code;
  };
  EXPECT_EQ(code({}), errc::invalid_argument);
  EXPECT_EQ(code({.endpoints = {"redis://127.0.0.1"}}), errc::invalid_argument);
  EXPECT_EQ(code({.endpoints = {"http://127.0.0.1:1"}, .tls = {.ca_file = "/nowhere"}}), errc::invalid_argument);
  EXPECT_EQ(code({.endpoints = {"http://127.0.0.1:1"}, .credentials = Credentials{"a:b", "c"}}), std::error_code());
  EXPECT_THROW(EtcdBackend{EtcdOptions{}}, std::system_error);
}

}  // namespace
}  // namespace deimos
