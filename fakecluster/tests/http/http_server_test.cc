// Well-formed requests in every form that clients send them.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <httplib.h>

#include <deimos/fake/cluster.h>
#include <deimos/fake/http_server.h>

#include "http/raw_client.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  Response ask(const std::string& request) {
    RawClient client(server_.port());
    client.send(request);
    return client.answer();
  }

  Node node_;
  HttpServer server_{node_};
};

std::string header(const Response& response, std::string_view name) {
  for (const Header& each : response.headers) {
    if (each.name == name) return each.value;
  }
  return "(none)";
}

TEST_F(HttpServerTest, IsReadyWhenItIsConstructed) {
  EXPECT_EQ(server_.url(), "http://127.0.0.1:" + std::to_string(server_.port()));
  EXPECT_EQ(ask(get("/keys/")).status, 200);
}

TEST_F(HttpServerTest, SaysTheAddressThatItCannotBind) {
  try {
    const HttpServer second(node_, {.port = server_.port()});
    FAIL() << "bound a port that is taken";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::address_in_use);
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(server_.port())));
  }
}

TEST_F(HttpServerTest, SaysTheHostThatItCannotResolve) {
  EXPECT_THROW(HttpListener("no such host", 0), std::invalid_argument);
}

TEST_F(HttpServerTest, ListensOnIpv6) {
  const HttpServer server(node_, {.host = "::1"});
  EXPECT_EQ(server.url(), "http://[::1]:" + std::to_string(server.port()));
}

TEST_F(HttpServerTest, AnswersManyRequestsOnOneConnection) {
  RawClient client(server_.port());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(client.send(put("/keys/a", "value=" + std::to_string(i))));
    EXPECT_THAT(client.answer().body, HasSubstr("\"value\":\"" + std::to_string(i) + "\""));
  }
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  RawClient client(server_.port());
  client.send(put("/keys/a", "value=1") + get("/keys/a") + put("/keys/a", "value=2") + get("/keys/a"));
  EXPECT_THAT(client.answer().body, HasSubstr("\"action\":\"set\""));
  EXPECT_THAT(client.answer().body, HasSubstr("\"value\":\"1\""));
  EXPECT_THAT(client.answer().body, HasSubstr("\"action\":\"set\""));
  EXPECT_THAT(client.answer().body, HasSubstr("\"value\":\"2\""));
}

TEST_F(HttpServerTest, TakesAPutWithoutBodyOrLength) {
  EXPECT_THAT(ask("PUT /keys/a HTTP/1.1\r\nHost: x\r\n\r\n").body, HasSubstr(R"("node":{"key":"/a","value":"")"));
}

TEST_F(HttpServerTest, KeepsEqualSignsOfAValue) {
  EXPECT_THAT(ask(put("/keys/a", "value=a=b")).body, HasSubstr(R"("value":"a=b")"));
}

TEST_F(HttpServerTest, TakesAValueOfAMegabyte) {
  const std::string value(std::size_t{1} << 20, 'v');
  EXPECT_EQ(ask(put("/keys/a", "value=" + value)).status, 201);
  EXPECT_THAT(ask(get("/keys/a")).body, HasSubstr("\"value\":\"" + value + "\""));
}

TEST_F(HttpServerTest, TakesAChunkedForm) {
  RawClient client(server_.port());
  client.send(
      "PUT /keys/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nvalue\r\n4;name=x\r\n=abc\r\n0\r\nTrailer: ignored\r\n\r\n" +
      get("/keys/a"));
  EXPECT_THAT(client.answer().body, HasSubstr(R"("value":"abc")"));
  EXPECT_THAT(client.answer().body, HasSubstr(R"("action":"get")"));
}

TEST_F(HttpServerTest, TellsTheClientToContinue) {
  RawClient client(server_.port());
  client.send(
      "PUT /keys/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: 7\r\nExpect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.head().status, 100);
  client.send("value=1");
  EXPECT_EQ(client.answer().status, 201);
}

TEST_F(HttpServerTest, ReadsAndIgnoresTheBodyOfGetAndDelete) {
  RawClient client(server_.port());
  client.send(put("/keys/a", "value=1"));
  EXPECT_EQ(client.answer().status, 201);
  const std::string with_body =
      " /keys/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
      "Content-Length: 15\r\n\r\nprevValue=other";
  client.send("GET" + with_body);
  EXPECT_EQ(client.answer().status, 200);
  client.send("DELETE" + with_body);
  EXPECT_THAT(client.answer().body, HasSubstr(R"("action":"delete")"));
  client.send(get("/keys/a"));
  EXPECT_EQ(client.answer().status, 404);
}

TEST_F(HttpServerTest, AnswersHeadWithoutABody) {
  RawClient client(server_.port());
  client.send("HEAD /machines HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.answer(true).status, 200);
  client.send(get("/machines"));  // A body of the answer before would be read as the head of this one.
  EXPECT_EQ(client.answer().body, "http://127.0.0.1:4001");
}

TEST_F(HttpServerTest, AnswersOptionsOfAnything) {
  EXPECT_EQ(ask("OPTIONS /keys/a HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

TEST_F(HttpServerTest, AllowsNoOtherMethods) {
  for (const std::string method : {"PATCH", "BREW", "get"}) {
    const Response response = ask(method + " /keys/a HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(header(response, "Allow"), "GET,PUT,POST,DELETE");
  }
}

TEST_F(HttpServerTest, RedirectsToTheCleanPath) {
  const Response response = ask(get("/keys//a/../b?recursive=true"));
  EXPECT_EQ(response.status, 301);
  EXPECT_EQ(header(response, "Location"), "/keys/b?recursive=true");
}

TEST_F(HttpServerTest, TakesTheUrlThatIsSentToAProxy) {
  EXPECT_EQ(ask(get("http://elsewhere:80/keys/")).status, 200);
  EXPECT_EQ(ask(get("http://elsewhere")).status, 404);
}

TEST_F(HttpServerTest, ClosesWhenTheClientAsksInAnyCase) {
  for (const std::string close : {"close", "Close", "foo, CLOSE"}) {
    RawClient client(server_.port());
    client.send("GET /keys/ HTTP/1.1\r\nHost: x\r\nConnection: " + close + "\r\n\r\n");
    EXPECT_EQ(header(client.answer(), "Connection"), "close");
    EXPECT_EQ(client.rest(), "");
  }
}

TEST_F(HttpServerTest, SpeaksHttp10) {
  RawClient client(server_.port());
  client.send("GET /keys/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(header(client.answer(), "Connection"), "keep-alive");
  client.send("GET /keys/ HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.answer().body, StartsWith(R"({"action":"get")"));
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServerTest, AnswersAClientThatWillSendNoMore) {
  RawClient client(server_.port());
  client.send(get("/keys/"));
  client.finish_sending();
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(client.rest(), "");
}

TEST_F(HttpServerTest, DoesNotCompress) {
  const Response response = ask("GET /keys/ HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n\r\n");
  EXPECT_EQ(header(response, "Content-Encoding"), "(none)");
  EXPECT_THAT(response.body, StartsWith(R"({"action":"get")"));
}

TEST_F(HttpServerTest, GetsOnWithCppHttplibsClient) {
  httplib::Client client("127.0.0.1", server_.port());
  client.set_keep_alive(true);
  EXPECT_EQ(client.Put("/keys/a", httplib::Params{{"value", "1"}})->status, 201);
  EXPECT_THAT(client.Get("/keys/a")->body, HasSubstr(R"("value":"1")"));
  EXPECT_EQ(client.Get("/keys/a?wait=true&waitIndex=1")->body, client.Get("/keys/a?wait=true&waitIndex=3")->body);
  EXPECT_EQ(client.Delete("/keys/a")->status, 200);
}

TEST_F(HttpServerTest, ServesTwoHundredClientsThatConnectAtOnce) {
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server_.port());
  for (RawClient& client : clients) client.send(get("/keys/"));
  for (RawClient& client : clients) EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(server_.connections(), 200U);
  clients.clear();
  EXPECT_TRUE(eventually([&] { return server_.connections() == 0; }));
}

TEST_F(HttpServerTest, ServesManyClientsAtOnceWithoutLosingAWrite) {
  constexpr int clients = 8;
  constexpr int writes = 200;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&] {
        RawClient client(server_.port());
        for (int n = 0; n < writes; ++n) {
          client.send("POST /keys/queue HTTP/1.1\r\nHost: x\r\n\r\n");
          EXPECT_EQ(client.answer().status, 201);
        }
      });
    }
  }
  EXPECT_EQ(node_.statistics().index, 2U + clients * writes);
}

TEST_F(HttpServerTest, SaysWhatWasAskedAndAnswered) {
  std::mutex mutex;
  std::vector<HttpAccess> log;
  {
    const HttpServer server(node_, {.on_access = [&](const HttpAccess& access) {
                              const std::lock_guard lock(mutex);
                              log.push_back(access);
                            }});
    RawClient client(server.port());
    client.send(get("/keys/nothing"));
    client.answer();
    client.send("nonsense\r\n");
    client.answer();
  }
  ASSERT_EQ(log.size(), 2U);
  EXPECT_EQ(log[0].method + " " + log[0].target + " " + std::to_string(log[0].status), "GET /keys/nothing 404");
  EXPECT_EQ(log[1].method + log[1].target + std::to_string(log[1].status), "400");
}

TEST_F(HttpServerTest, ServesClientsThatConnectedBeforeItWasThere) {
  HttpListener listener("127.0.0.1", 0);
  RawClient early(listener.port());
  early.send(get("/machines"));
  Node node({.member = {.client_url = listener.url()}});
  const HttpServer server(node, std::move(listener));
  EXPECT_EQ(early.answer().body, server.url());
}

TEST(HttpServerOfACluster, ListensAgainOnceItsPortIsFree) {
  Cluster cluster({.nodes = 1});
  HttpServer server(cluster.node(1));
  cluster.crash(1);
  const int thief = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(thief, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(thief, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(thief, 1), 0);
  cluster.restart(1);
  ::close(thief);
  EXPECT_TRUE(eventually([&] {
    try {
      RawClient client(server.port());
      client.send(get("/machines"));
      return client.answer().status == 200;
    } catch (const std::runtime_error&) {
      return false;
    }
  }));
}

TEST(HttpServerOfACluster, BreaksTheConnectionWhereARuleSays) {
  Cluster cluster({.nodes = 1});
  HttpServer server(cluster.node(1));
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{20}}) {
    const ScopedRule rule(cluster, {.name = {}, .match = {}, .action = ResetAfter{bytes}});
    RawClient client(server.port());
    client.send("POST /keys/queue HTTP/1.1\r\nHost: x\r\n\r\n");
    if (bytes > 0) {
      EXPECT_EQ(client.head().status, 201);
      EXPECT_EQ(client.chunk().size(), bytes);
    }
    EXPECT_THROW(client.rest(), std::runtime_error) << "closed in order";
  }
  EXPECT_EQ(cluster.node(1).statistics().index, 4U);
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

TEST(HttpServerOfACluster, FreesARequestThatHangsWhenItsClientGoes) {
  Cluster cluster({.nodes = 1});
  HttpServer server(cluster.node(1));
  const ScopedRule rule(cluster, {.name = {}, .match = {}, .action = DropAnswer{}});
  {
    RawClient client(server.port());
    client.send(put("/keys/a", "value=1"));
    EXPECT_TRUE(eventually([&] { return cluster.node(1).statistics().index == 3; }));
  }
  EXPECT_TRUE(eventually([&] { return server.connections() == 0; }));
}

}  // namespace
}  // namespace deimos::fake
