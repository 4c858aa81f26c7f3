// Connections: kept, limited, cut off, classified.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deimos/http_transport.h>
#include <deimos/thread_runtime.h>

#include "http/raw_server.h"
#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Reason = Failure::Reason;

const Request put{.method = "PUT",
                  .target = "/keys/a%20b?x=%25",
                  .headers = {{"X-Team", "storage"}},
                  .body = "value=1",
                  .content_type = "application/x-www-form-urlencoded"};

void answer_everything(const RawConnection& connection) {
  while (!connection.read_request().empty()) connection.send(http_answer("hello", "200 OK", "X-Deimos-Index: 7\r\n"));
}

void say_nothing(const RawConnection& connection) { connection.wait_for_close(); }

class Http : public ::testing::Test {
 protected:
  Exchange ask(const RawServer& server, Duration timeout = 10s, std::stop_token stop = {}) {
    return transport.exchange(server.url(), put, saturating_add(runtime->now(), timeout), std::move(stop));
  }
  /// Calls `act` once the server has read a request.
  [[nodiscard]] std::function<void(const RawConnection&)> when_asked(std::function<void()> act) {
    return [act = std::move(act)](const RawConnection& connection) {
      connection.read_request();
      act();
      connection.wait_for_close();
    };
  }

  std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
  HttpTransport transport{runtime, {.max_answer_bytes = 1000, .max_idle_connections = 2}};
};

TEST_F(Http, SendsARequestAsItIsAndGivesTheWholeAnswer) {
  std::string seen;
  const RawServer server([&](const RawConnection& connection) {
    seen = connection.read_request();
    connection.send(http_answer("hello", "404 Not Found", "X-Deimos-Index: 7\r\nX-Twice: a\r\nX-Twice: b\r\n"));
  });
  const Exchange exchange = ask(server);
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->status, 404);
  EXPECT_EQ(exchange->body, "hello");
  EXPECT_EQ(*find_header(exchange->headers, "x-deimos-index"), "7");
  EXPECT_THAT(seen, HasSubstr("PUT /keys/a%20b?x=%25 HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("X-Team: storage\r\n"));
  EXPECT_THAT(seen, HasSubstr("Content-Type: application/x-www-form-urlencoded\r\n"));
  EXPECT_THAT(seen, HasSubstr("Host: 127.0.0.1:"));
  EXPECT_THAT(seen, HasSubstr("\r\n\r\nvalue=1"));
  EXPECT_THAT(seen, Not(HasSubstr("Accept-Encoding")));
}

TEST_F(Http, ReadsChunkedBodiesAndBodiesThatEndWithTheConnection) {
  const RawServer chunked([](const RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n");
    connection.send("2\r\nlo\r\n0\r\n\r\n");
    connection.wait_for_close();
  });
  EXPECT_EQ(ask(chunked)->body, "hello");
  const RawServer closing([](const RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n\r\nhello");
  });
  EXPECT_EQ(ask(closing)->body, "hello");
}

TEST_F(Http, ReadsChunkedBodiesWithATrailer) {
  const auto ask_for = [&](const std::string& end) {
    const RawServer server([&end](const RawConnection& connection) {
      connection.read_request();
      connection.send("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5\r\nhello\r\n" + end);
      if (end.ends_with("\r\n")) connection.wait_for_close();
    });
    return ask(server);
  };
  for (const char* whole :
       {"0\r\nX: y\r\n\r\n", "0\r\nX: y\r\nZ: 0\r\n\r\n", "0\r\nGrpc-Trailer-Content-Type: application/grpc\r\n\r\n"}) {
    const Exchange exchange = ask_for(whole);
    ASSERT_TRUE(exchange) << exchange.error().message;
    EXPECT_EQ(exchange->status, 404);
    EXPECT_EQ(exchange->body, "hello");
  }
  for (const char* broken : {"0\r\nX: ", "0", "1\r\n0"}) EXPECT_FALSE(ask_for(broken)) << broken;
}

TEST_F(Http, AnswerWithoutAnEndEndsWhenItIsEnough) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char* chunk : {"4\r\none\n\r\n", "4\r\ntwo\n\r\n"}) connection.send(chunk);
    connection.wait_for_close();
  });
  Request stream = put;
  stream.enough = [](std::string_view body) { return body.find("two\n") != std::string_view::npos; };
  const Exchange exchange = transport.exchange(server.url(), stream, runtime->now() + 10s, {});
  ASSERT_TRUE(exchange) << exchange.error().message;
  EXPECT_EQ(exchange->status, 200);
  EXPECT_EQ(exchange->body, "one\ntwo\n");
  EXPECT_EQ(transport.idle_connections(), 0U) << "the rest of the answer would be the next one's";
  stream.enough = [](std::string_view) { return false; };
  const Exchange never = transport.exchange(server.url(), stream, runtime->now() + 300ms, {});
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().reason, Reason::timed_out);
}

TEST_F(Http, SpeaksIpv6) {
  const RawServer server(answer_everything, "::1");
  EXPECT_EQ(ask(server)->body, "hello");
}

TEST_F(Http, KeepsItsConnection) {
  const RawServer server(answer_everything);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(ask(server));
  EXPECT_EQ(server.accepted(), 1);
  EXPECT_EQ(transport.idle_connections(), 1U);
}

TEST_F(Http, ClosesTheConnectionsOfAnEndpointThatIsForgotten) {
  const RawServer server(answer_everything);
  EXPECT_TRUE(ask(server));
  EXPECT_EQ(transport.idle_connections(), 1U);
  transport.forget("http://another:1");
  EXPECT_EQ(transport.idle_connections(), 1U);
  transport.forget(server.url());
  EXPECT_EQ(transport.idle_connections(), 0U);
  while (server.open() > 0) std::this_thread::yield();
}

TEST_F(Http, ClosesWhatHasLainIdleForAnEndpointThatIsNotAskedAnyMore) {
  ManualRuntime manual;
  HttpTransport with_manual_clock{borrow(manual)};
  const RawServer left(answer_everything);
  const RawServer asked(answer_everything);
  const auto ask = [&](const RawServer& server) {
    EXPECT_TRUE(with_manual_clock.exchange(server.url(), put, manual.now() + 10s, {}));
  };
  ask(left);
  ask(asked);
  EXPECT_EQ(with_manual_clock.idle_connections(), 2U);
  manual.advance(5s);
  ask(asked);
  EXPECT_EQ(with_manual_clock.idle_connections(), 1U);
  while (left.open() > 0) std::this_thread::yield();
}

TEST_F(Http, AKeptConnectionThatTheServerClosedIsReplacedBeforeAnythingIsSent) {
  std::atomic<int> closed = 0;
  const RawServer server([&](const RawConnection& connection) {
    connection.read_request();
    connection.send(http_answer("hello"));
    ++closed;
  });
  for (int i = 1; i <= 5; ++i) {
    EXPECT_TRUE(ask(server));
    while (server.open() > 0) std::this_thread::yield();
  }
  EXPECT_EQ(server.accepted(), 5);
}

TEST_F(Http, AKeptConnectionOnWhichMoreThanTheAnswerCameIsNotTrusted) {
  const RawServer server([](const RawConnection& connection) {
    while (!connection.read_request().empty()) connection.send(http_answer("hello") + http_answer("smuggled"));
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(server)->body, "hello");
  EXPECT_EQ(server.accepted(), 5);
}

TEST_F(Http, LongPollsDelayNobodyAndFewConnectionsAreKept) {
  std::atomic<bool> release = false;
  const RawServer server([&](const RawConnection& connection) {
    while (!connection.read_request().empty()) {
      if (server.accepted() <= 6) release.wait(false);
      connection.send(http_answer("hello"));
    }
  });
  std::vector<std::jthread> polls;
  for (int i = 0; i < 6; ++i) polls.emplace_back([&] { EXPECT_TRUE(ask(server)); });
  while (server.accepted() < 6) std::this_thread::yield();
  EXPECT_TRUE(ask(server));
  release = true;
  release.notify_all();
  polls.clear();
  EXPECT_EQ(transport.idle_connections(), 2U);
}

TEST_F(Http, ARefusedConnectionIsNotSent) {
  std::string url;
  {
    const RawServer gone(say_nothing);
    url = gone.url();
  }
  const Exchange exchange = transport.exchange(url, put, runtime->now() + 10s, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_EQ(exchange.error().reason, Reason::refused);
  EXPECT_THAT(exchange.error().message, HasSubstr("refused"));
}

TEST_F(Http, AnIpv6ZoneThatThisMachineDoesNotHaveIsNotSent) {
  const Exchange exchange = transport.exchange("http://[fe80::1%nowhere9]:4001", put, runtime->now() + 10s, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_THAT(exchange.error().message, HasSubstr("fe80::1%nowhere9"));
}

TEST_F(Http, AnUnknownHostIsNotSent) {
  const Exchange exchange = transport.exchange("http://no-such-host.invalid:1", put, runtime->now() + 10s, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_THAT(exchange.error().message, HasSubstr("no-such-host.invalid"));
}

TEST_F(Http, AServerThatNeverAnswersIsLeftAtTheDeadline) {
  const RawServer server(say_nothing);
  const TimePoint start = runtime->now();
  const Exchange exchange = ask(server, 50ms);
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::timed_out);
  EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
  EXPECT_GE(runtime->now() - start, 50ms);
  EXPECT_EQ(transport.idle_connections(), 0U);
}

TEST_F(Http, TheHeadOfAnAnswerMayBeWantedSoonerThanItsBody) {
  Request poll = put;
  poll.head_by = runtime->now() + 100ms;
  const RawServer with_head([&](const RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    while (runtime->now() < poll.head_by + 50ms) std::this_thread::yield();
    connection.send("hello");
  });
  const Exchange late_body = transport.exchange(with_head.url(), poll, runtime->now() + 10s, {});
  ASSERT_TRUE(late_body) << late_body.error().message;
  EXPECT_EQ(late_body->body, "hello");

  const RawServer without(say_nothing);
  const TimePoint start = runtime->now();
  poll.head_by = start + 100ms;
  const Exchange no_head = transport.exchange(without.url(), poll, start + 1h, {});
  ASSERT_FALSE(no_head);
  EXPECT_EQ(no_head.error().reason, Reason::timed_out);
  EXPECT_EQ(no_head.error().delivery, Delivery::unknown);
}

TEST_F(Http, AServerThatAnswersByteByByteIsLeftAtTheDeadline) {
  for (const std::string& text : {http_answer(std::string(900, 'x')), "HTTP/1.1 200 OK\r\n" + std::string(900, 'x')}) {
    const RawServer server([&](const RawConnection& connection) {
      connection.read_request();
      for (const char byte : text) {
        if (!connection.send({&byte, 1})) return;
        std::this_thread::sleep_for(5ms);  // NOLINT(sleep)
      }
    });
    const Exchange exchange = ask(server, 60ms);
    ASSERT_FALSE(exchange);
    EXPECT_EQ(exchange.error().reason, Reason::timed_out);
    EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
  }
}

TEST_F(Http, AConnectionThatIsNotMadeInTimeIsNotSent) {
  // An address that swallows packets: reserved for documentation, so no route answers for it. Where the network says
  // at once that there is no route, it is refused instead; both are before anything is sent.
  HttpTransport hasty(runtime, {.connect_timeout = 50ms});
  const Exchange exchange = hasty.exchange("http://192.0.2.1:4001", put, runtime->now() + 10s, {});
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
}

TEST_F(Http, ACancelEndsALongPollAtOnce) {
  std::stop_source stop;
  const RawServer server(when_asked([&] { stop.request_stop(); }));
  const Exchange exchange = ask(server, 1h, stop.get_token());
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::cancelled);
  EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
}

TEST_F(Http, ACancelBeforeTheExchangeIsNotForgotten) {
  const RawServer server(say_nothing);
  std::stop_source stop;
  stop.request_stop();
  const Exchange exchange = ask(server, 1h, stop.get_token());
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::cancelled);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
  EXPECT_EQ(server.accepted(), 0);
}

TEST_F(Http, ACancelAtAnyMomentEndsTheExchange) {
  const RawServer server(say_nothing);
  for (int i = 0; i < 200; ++i) {
    std::stop_source stop;
    const std::jthread canceller([&] {
      for (int spin = 0; spin < i * 20; ++spin) std::atomic_signal_fence(std::memory_order_seq_cst);
      stop.request_stop();
    });
    const Exchange exchange = ask(server, 1h, stop.get_token());
    ASSERT_FALSE(exchange);
    EXPECT_EQ(exchange.error().reason, Reason::cancelled);
  }
}

TEST_F(Http, ACloseEndsWhatRunsAndRefusesWhatComes) {
  const RawServer server(when_asked([&] { transport.close(); }));
  Exchange exchange = ask(server, 1h);
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::closed);
  exchange = ask(server);
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::closed);
  EXPECT_EQ(exchange.error().delivery, Delivery::not_sent);
}

TEST_F(Http, AConnectionThatEndsAfterTheRequestLeavesItUnknown) {
  for (const bool reset : {false, true}) {
    const RawServer server([&](const RawConnection& connection) {
      connection.read_request();
      if (reset) connection.reset();
    });
    const Exchange exchange = ask(server);
    ASSERT_FALSE(exchange);
    EXPECT_EQ(exchange.error().reason, Reason::broken);
    EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
  }
}

TEST_F(Http, ABrokenConnectionDoesNotKillTheProcess) {
  // The request is larger than any buffer, and its reader leaves: writing on would raise SIGPIPE.
  const RawServer server([](const RawConnection& connection) { connection.reset(); });
  Request large = put;
  large.body.assign(std::size_t{64} << 20, 'x');
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(transport.exchange(server.url(), large, runtime->now() + 10s, {}));
}

TEST_F(Http, AServerThatDoesNotReadIsLeftAtTheDeadline) {
  std::atomic<bool> over = false;
  const RawServer server([&](const RawConnection&) { over.wait(false); });
  Request large = put;
  large.body.assign(std::size_t{64} << 20, 'x');
  const Exchange exchange = transport.exchange(server.url(), large, runtime->now() + 2s, {});  // Some of it gets out.
  over = true;
  over.notify_all();
  ASSERT_FALSE(exchange);
  EXPECT_EQ(exchange.error().reason, Reason::timed_out);
  EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
}

struct Hostile {
  const char* name;
  std::string answer;
  Reason reason;
};

class HostileAnswer : public Http, public ::testing::WithParamInterface<Hostile> {};

TEST_P(HostileAnswer, IsAFailureWithoutDelay) {
  const RawServer server([&](const RawConnection& connection) {
    connection.read_request();
    connection.send(GetParam().answer);
  });
  const Exchange exchange = ask(server);
  ASSERT_FALSE(exchange) << exchange->status << " " << exchange->body.substr(0, 80);
  EXPECT_EQ(exchange.error().reason, GetParam().reason) << exchange.error().message;
  EXPECT_EQ(exchange.error().delivery, Delivery::unknown);
  EXPECT_NE(exchange.error().message, "");
  EXPECT_EQ(transport.idle_connections(), 0U);
}

std::string many_headers() {
  std::string headers;
  for (int i = 0; i < 10'000; ++i) headers += "X-Header-" + std::to_string(i) + ": value\r\n";
  return headers;
}

INSTANTIATE_TEST_SUITE_P(
    From, HostileAnswer,
    ::testing::Values(
        Hostile{"nothing", "", Reason::broken}, Hostile{"garbage", "garbage\r\n\r\n", Reason::broken},
        Hostile{"another_protocol", "SSH-2.0-OpenSSH_9.2p1\r\n", Reason::broken},
        Hostile{"half_a_head", "HTTP/1.1 200 OK\r\nContent-Le", Reason::broken},
        Hostile{"half_a_body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", Reason::broken},
        Hostile{"half_a_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", Reason::broken},
        Hostile{"no_last_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Reason::broken},
        Hostile{"bad_chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n", Reason::broken},
        Hostile{"announced_too_large", "HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", Reason::too_large},
        Hostile{"absurd_length", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", Reason::too_large},
        Hostile{"negative_length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", Reason::too_large},
        Hostile{"too_large", "HTTP/1.1 200 OK\r\n\r\n" + std::string(1001, 'x'), Reason::too_large},
        Hostile{
            "too_large_in_chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(4095, 'x') + "\r\n0\r\n\r\n",
            Reason::too_large},
        Hostile{"endless_chunk_header",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(1 << 20, '0'), Reason::too_large},
        Hostile{"long_status_line", "HTTP/1.1 200 " + std::string(60'000, 'A') + "\r\n\r\n", Reason::broken},
        Hostile{"long_header", "HTTP/1.1 200 OK\r\nX: " + std::string(1 << 20, 'A') + "\r\n\r\n", Reason::broken},
        Hostile{"many_headers", "HTTP/1.1 200 OK\r\n" + many_headers() + "\r\n", Reason::broken},
        Hostile{"interim", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 " + std::string(60'000, 'A') + "\r\n\r\n",
                Reason::broken}),
    [](const auto& test) { return test.param.name; });

TEST_F(Http, ManyThreadsShareOneTransport) {
  const RawServer server(answer_everything);
  std::vector<std::jthread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int j = 0; j < 50; ++j) EXPECT_EQ(ask(server)->body, "hello");
    });
  }
  callers.clear();
  EXPECT_LE(transport.idle_connections(), 2U);
}

}  // namespace
}  // namespace deimos
