// Requests that are not well-formed, too big or too slow: each gets a clear answer, changes nothing, and leaves
// nothing.
#include <thread>

#include <gmock/gmock.h>

#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/raw_client.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;

constexpr HttpLimits small_sizes{.request_line_bytes = 200, .header_bytes = 300, .body_bytes = 1000};
constexpr HttpLimits short_time{.request_time = std::chrono::milliseconds(30)};

class HttpBadInputTest : public testing::Test {
 protected:
  explicit HttpBadInputTest(const HttpLimits& limits = small_sizes) : server_(node_, {.limits = limits}) {}

  /// Whatever the test did, the server still works, and holds nothing of it.
  void TearDown() override {
    EXPECT_EQ(node_.statistics().index, 2U) << "state was changed";
    EXPECT_EQ(node_.statistics().watchers, 0U);
    EXPECT_TRUE(eventually([&] { return server_.connections() == 0; }));
    RawClient client(server_.port());
    client.send(put("/keys/good", "value=1"));
    EXPECT_EQ(client.answer().status, 201);
  }

  /// The answer, after which the connection must be closed.
  Response refusal_of(const std::string& bytes) {
    RawClient client(server_.port());
    client.send(bytes);
    Response response = client.answer();
    EXPECT_EQ(client.rest(), "");
    return response;
  }
  void expect_refused(const std::string& bytes, int status, const std::string& reason) {
    const Response response = refusal_of(bytes);
    EXPECT_EQ(response.status, status) << bytes;
    EXPECT_THAT(response.body, HasSubstr(reason)) << bytes;
  }
  /// A good request but for this header.
  static std::string with_header(const std::string& header) {
    return "PUT /keys/a HTTP/1.1\r\nHost: x\r\n" + header + "\r\n\r\n";
  }
  /// A good request but for this chunked body.
  static std::string with_chunks(const std::string& chunks) {
    return with_header("Transfer-Encoding: chunked") + chunks;
  }

  Node node_;
  HttpServer server_;
};

class HttpSlowInputTest : public HttpBadInputTest {
 protected:
  HttpSlowInputTest() : HttpBadInputTest(short_time) {}
};

TEST_F(HttpBadInputTest, GarbageIsNoRequestLine) {
  const std::string tls_hello{'\x16', '\x03', '\x01', '\x02', '\0', '\x01', '\0', '\x01'};
  expect_refused(tls_hello, 400, "malformed request line");
  expect_refused(std::string(4, '\0'), 400, "malformed request line");
  expect_refused("{\"a\":1}\n", 400, "malformed request line");
  expect_refused("GET\r\n", 400, "malformed request line");
  expect_refused("GET /keys/a\r\n", 400, "malformed request line");
  expect_refused(" GET /keys/a HTTP/1.1\r\n", 400, "malformed request line");
  expect_refused("\xff\xfe junk HTTP/1.1\r\n", 400, "malformed request line");
  expect_refused("GET /keys/a b HTTP/1.1\r\n", 400, "malformed HTTP version");
  expect_refused("\r\n\r\n\r\n\r\n" + get("/keys/"), 400, "malformed request line");
}

TEST_F(HttpBadInputTest, VersionMustBeOne) {
  expect_refused("GET /keys/ HTTP/2.0\r\n", 505, "HTTP/1.x");
  expect_refused("GET /keys/ HTTP/1.1x\r\n", 400, "malformed HTTP version");
  expect_refused("GET /keys/ FTP/1.1\r\n", 400, "malformed HTTP version");
}

TEST_F(HttpBadInputTest, TargetMustBeAPathWithoutControlBytes) {
  expect_refused("PUT keys/a HTTP/1.1\r\n", 400, "neither a path nor an URL");
  expect_refused("PUT * HTTP/1.1\r\n", 400, "neither a path nor an URL");
  expect_refused("CONNECT example.org:443 HTTP/1.1\r\n", 400, "neither a path nor an URL");
  expect_refused("PUT /keys/a\x01 HTTP/1.1\r\n", 400, "control byte");
  expect_refused(std::string("PUT /keys/a\0b HTTP/1.1\r\n", 24), 400, "control byte");
  expect_refused("PUT /keys/a\x7f HTTP/1.1\r\n", 400, "control byte");
}

TEST_F(HttpBadInputTest, BadPercentEscapesAreRefusedByTheNode) {
  RawClient client(server_.port());
  for (const char* target : {"/keys/%zz", "/keys/%", "/keys/%4"}) {
    client.send(put(target, "value=1"));
    EXPECT_EQ(client.answer().status, 400) << target;
  }
  for (const char* form : {"value=%zz", "value=%", "value=1;ttl=2"}) {
    client.send(put("/keys/a", form));
    EXPECT_THAT(client.answer().body, HasSubstr("\"errorCode\":210")) << form;
  }
}

TEST_F(HttpBadInputTest, AbsurdNumbersAreRefusedByTheNode) {
  RawClient client(server_.port());
  for (const char* form : {"ttl=-1", "ttl=1e3", "ttl=99999999999999999999", "ttl=9223372036854775807"}) {
    client.send(put("/keys/a", form));
    EXPECT_THAT(client.answer().body, HasSubstr("\"errorCode\":202")) << form;
  }
}

TEST_F(HttpBadInputTest, RequestLineIsBounded) {
  expect_refused("PUT /keys/" + std::string(300, 'a') + " HTTP/1.1\r\n\r\n", 414, "request line");
  expect_refused(std::string(300, 'A'), 414, "request line");
  expect_refused(std::string(40, 'A'), 400, "malformed request line");
}

TEST_F(HttpBadInputTest, HeadersAreBounded) {
  expect_refused(with_header("X: " + std::string(400, 'x')), 431, "header");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  expect_refused(with_header(many), 431, "header");
  expect_refused("PUT /keys/a HTTP/1.1\r\n" + std::string(400, 'x'), 431, "header");
}

TEST_F(HttpBadInputTest, BodyIsBounded) {
  expect_refused(put("/keys/a", "value=" + std::string(1000, 'v')), 413, "body");
  expect_refused(with_header("Content-Length: 1001"), 413, "body");
  expect_refused(with_chunks("3e9\r\n"), 413, "body");
  expect_refused(with_chunks("ffffffffffffffff\r\n"), 413, "body");
  expect_refused(with_chunks("3e8\r\n" + std::string(1000, 'v') + "\r\n1\r\nv\r\n"), 413, "body");
}

TEST_F(HttpBadInputTest, RefusalReachesAClientThatIsStillSending) {
  RawClient client(server_.port());
  client.send(with_header("Content-Length: 20000000"));
  client.send(std::string(std::size_t{4} << 20, 'v'));
  EXPECT_EQ(client.answer().status, 413);
}

TEST_F(HttpBadInputTest, HeaderMustBeWellFormed) {
  expect_refused(with_header("no colon"), 400, "malformed header");
  expect_refused(with_header(": no name"), 400, "malformed header");
  expect_refused(with_header("Space : before"), 400, "malformed header");
  expect_refused("PUT /keys/a HTTP/1.1\r\nHost: x\n\r\n", 400, "CR LF");
  expect_refused("PUT /keys/a HTTP/1.1\r\nHost: x\r\n\n", 400, "CR LF");
  expect_refused(with_header("X: \x01"), 400, "control byte");
  expect_refused(with_header(std::string("X: a\0b", 6)), 400, "control byte");
}

TEST_F(HttpBadInputTest, LineOfAHeaderThatIsFoldedIsOneHeader) {
  RawClient client(server_.port());
  client.send("GET /keys/ HTTP/1.1\r\nHost: x\r\nX: a\r\n  folded\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200);
}

TEST_F(HttpBadInputTest, ThereMustBeOneHost) {
  expect_refused("PUT /keys/a HTTP/1.1\r\n\r\n", 400, "Host");
  expect_refused(with_header("Host: y"), 400, "Host");
}

TEST_F(HttpBadInputTest, ContentLengthMustBeOneNumber) {
  for (const char* length : {"-5", "+5", "5x", "0x5", "", "5, 6", "1e2", "5 5", "99999999999999999999999999"}) {
    expect_refused(with_header(std::string("Content-Length: ") + length), 400, "not a number");
  }
  expect_refused(with_header("Content-Length: 5\r\nContent-Length: 6"), 400, "differ");
}

TEST_F(HttpBadInputTest, ChunksMustBeWellFormed) {
  expect_refused(with_chunks("xyz\r\n"), 400, "chunk");
  expect_refused(with_chunks("-1\r\n"), 400, "chunk");
  expect_refused(with_chunks("\r\n"), 400, "chunk");
  expect_refused(with_chunks("3\r\nabcdef\r\n"), 400, "chunk");
  expect_refused(with_chunks("ffffffffffffffffffffff\r\n"), 400, "chunk");
  expect_refused(with_chunks(std::string(2000, '0')), 431, "chunk");
  expect_refused(with_chunks("1;" + std::string(2000, 'x') + "\r\nv\r\n0\r\n\r\n"), 431, "chunk");
  expect_refused(with_chunks("0\r\nX: " + std::string(2000, 'x') + "\r\n\r\n"), 431, "chunk");
  expect_refused(with_chunks("0\r\nbad trailer\r\n\r\n"), 400, "malformed header");
}

TEST_F(HttpBadInputTest, BodyMayBeDelimitedInOneWayOnly) {
  expect_refused(with_header("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400, "transfer encoding");
  expect_refused(with_header("Transfer-Encoding: gzip"), 501, "transfer encoding");
  expect_refused(with_header("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 501, "transfer encoding");
  expect_refused("PUT /keys/a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "transfer encoding");
}

TEST_F(HttpBadInputTest, UnknownExpectationIsNotMet) {
  expect_refused(with_header("Expect: wonders"), 417, "expectation");
}

TEST_F(HttpBadInputTest, HalfARequestIsRefusedWhenNoMoreComes) {
  const std::string whole = put("/keys/a", "value=1");
  for (std::size_t length = 1; length < whole.size(); ++length) {
    RawClient client(server_.port());
    client.send(whole.substr(0, length));
    client.finish_sending();
    EXPECT_EQ(client.answer().status, 400) << length;
    EXPECT_EQ(client.rest(), "");
  }
}

TEST_F(HttpBadInputTest, HalfARequestIsForgottenWhenItsClientGoes) {
  const std::string whole = put("/keys/a", "value=1");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    RawClient client(server_.port());
    client.send(whole.substr(0, length));
  }
}

TEST_F(HttpSlowInputTest, SlowRequestRunsOutOfTime) {
  const std::string whole = put("/keys/a", "value=1");
  for (const std::size_t length : {std::size_t{1}, whole.find("Host"), whole.size() - 1}) {
    expect_refused(whole.substr(0, length), 408, "took too long");
  }
}

TEST_F(HttpSlowInputTest, TrickleOfBytesBuysNoTime) {
  RawClient client(server_.port());
  client.send("PUT /keys/a HTTP/1.1\r\nX: ");
  std::jthread trickle([&](const std::stop_token& stop) {
    while (!stop.stop_requested() && client.send("x"))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));  // NOLINT(sleep)
  });
  EXPECT_EQ(client.head().status, 408);
}

TEST_F(HttpSlowInputTest, IdleConnectionIsNotASlowOne) {
  RawClient idle(server_.port());
  expect_refused("P", 408, "took too long");  // As long as a request may take.
  idle.send(get("/keys/"));
  EXPECT_EQ(idle.answer().status, 200);
}

TEST_F(HttpSlowInputTest, TimeOfARequestEndsWithIt) {
  {
    RawClient watcher(server_.port());
    watcher.send("GET /keys/a?wait=true HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(watcher.head().status, 100);  // A part of it has come.
    watcher.send("x");
    EXPECT_EQ(watcher.head().status, 200);
    expect_refused("P", 408, "took too long");  // As long as a request may take.
    EXPECT_EQ(node_.statistics().watchers, 1U) << "cut, as if it were still arriving";
  }
  EXPECT_TRUE(eventually([&] { return node_.statistics().watchers == 0; }));
}

TEST(HttpConnectionLimit, ConnectionBeyondItIsDeclined) {
  Node node;
  const HttpServer server(node, {.limits = {.connections = 4}});
  std::vector<RawClient> clients;
  for (int i = 0; i < 4; ++i) {
    RawClient& client = clients.emplace_back(server.port());
    client.send(get("/keys/"));
    EXPECT_EQ(client.answer().status, 200);
  }
  RawClient declined(server.port());
  declined.send(get("/keys/"));
  const Response response = declined.answer();
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.body, HasSubstr("too many connections"));
  EXPECT_EQ(declined.rest(), "");

  clients.pop_back();
  EXPECT_TRUE(eventually([&] { return server.connections() == 3; }));
  RawClient next(server.port());
  next.send(get("/keys/"));
  EXPECT_EQ(next.answer().status, 200);
}

}  // namespace
}  // namespace deimos::fake
