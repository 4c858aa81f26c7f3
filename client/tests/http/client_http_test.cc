// The whole client over real sockets: to a fake node, and to servers that answer badly.
#include <sys/resource.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/raw_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// Threads of this process.
std::ptrdiff_t threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

/// Descriptors that this process has open, sockets among them.
std::ptrdiff_t descriptors() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return std::distance(begin(open), end(open));
}

/// A list that a callback fills and a test waits for.
class Seen {
 public:
  void add(const Event& event) {
    {
      const std::lock_guard lock(mutex_);
      indexes_.push_back(event.node.modified_index);
    }
    changed_.notify_all();
  }
  std::vector<std::uint64_t> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return indexes_.size() >= count; });
    return indexes_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> indexes_;
};

class OverHttp : public ::testing::Test {
 protected:
  fake::Node node;
  std::unique_ptr<fake::HttpServer> server = std::make_unique<fake::HttpServer>(node);
  Client client{{.endpoints = {server->url()}}};
};

TEST_F(OverHttp, EveryCallWorks) {
  EXPECT_EQ(client.set("/d/a b", "v&w=%").value().node.value, "v&w=%");
  EXPECT_EQ(client.get("/d/a b").value().node.key, "/d/a b");
  EXPECT_EQ(client.create("/d/a b", "x").error().code, errc::key_already_exists);
  EXPECT_EQ(client.update("/d/a b", "2", {.ttl = 5s}).value().node.ttl, 5s);
  EXPECT_EQ(client.compare_and_swap("/d/a b", "3", {.value = "2"}).value().node.value, "3");
  EXPECT_EQ(client.compare_and_delete("/d/a b", {.value = "2"}).error().code, errc::compare_failed);
  EXPECT_TRUE(client.compare_and_delete("/d/a b", {.value = "3"}));
  EXPECT_TRUE(client.create_in_order("/d", "q"));
  EXPECT_TRUE(client.set("/large", std::string(1 << 20, 'x')));
  EXPECT_EQ(client.get("/large").value().node.value->size(), std::size_t{1} << 20U);
  EXPECT_TRUE(client.remove("/d", {.recursive = true}));
  EXPECT_TRUE(client.sync());
}

TEST_F(OverHttp, ASubscriptionSeesEveryChangeOnce) {
  Seen seen;
  const Subscription subscription =
      client.watch("/tree", {.recursive = true}, [&](const Event& event) { seen.add(event); });
  std::vector<std::uint64_t> written;
  for (int i = 0; i < 50; ++i) written.push_back(client.set("/tree/" + std::to_string(i % 5), "v").value().index);
  EXPECT_EQ(seen.wait_for(50), written);
}

TEST_F(OverHttp, ASubscriptionGoesOnWhereItWasWhenTheServerComesBack) {
  Seen seen;
  const std::uint16_t port = server->port();
  const Subscription subscription = client.watch("/a", {}, [&](const Event& event) { seen.add(event); });
  std::vector<std::uint64_t> written = {client.set("/a", "1").value().index};
  seen.wait_for(1);
  server.reset();
  (void)node.handle({.method = "PUT", .target = "/keys/a?value=2", .headers = {}, .body = {}, .content_type = {}});
  server = std::make_unique<fake::HttpServer>(node, fake::HttpServerOptions{.port = port});
  written.push_back(written.back() + 1);
  written.push_back(client.set("/a", "3").value().index);
  EXPECT_EQ(seen.wait_for(3), written);
}

TEST_F(OverHttp, ASubscriptionMayBeDestroyedByItsOwnCallback) {
  std::mutex mutex;
  std::optional<Subscription> subscription;
  std::atomic<int> events = 0;
  std::unique_lock starting(mutex);
  subscription = client.watch("/a", {}, [&](const Event&) {
    const std::lock_guard lock(mutex);
    subscription.reset();
    ++events;
    events.notify_all();
  });
  starting.unlock();
  EXPECT_TRUE(client.set("/a", "1"));
  events.wait(0);
  EXPECT_TRUE(client.set("/a", "2"));
  EXPECT_EQ(events, 1);
}

TEST_F(OverHttp, AThrowingCallbackEndsItsWatchOnly) {
  std::atomic<bool> told = false;
  std::string message;
  WatchOptions options;
  options.on_error = [&](const Error& error) {
    message = error.message;
    told = true;
    told.notify_all();
  };
  const Subscription subscription =
      client.watch("/a", options, [](const Event&) { throw std::runtime_error("no more"); });
  EXPECT_TRUE(client.set("/a", "1"));
  told.wait(false);
  EXPECT_THAT(message, HasSubstr("no more"));
  EXPECT_TRUE(client.set("/a", "2"));
}

TEST_F(OverHttp, ARangeEndsAtOnceWhenItIsStopped) {
  std::stop_source stop;
  std::jthread stopper;
  for (const Event& event : client.watch("/a", {.from_index = client.set("/a", "1").value().index}, stop.get_token())) {
    EXPECT_EQ(event.node.value, "1");
    stopper = std::jthread([&] {
      while (node.statistics().watchers == 0) std::this_thread::yield();
      stop.request_stop();
    });
  }
  EXPECT_TRUE(stop.stop_requested());
}

TEST_F(OverHttp, TheLastHandleEndsSubscriptions) {
  std::atomic<bool> ended = false;
  WatchOptions options;
  options.on_error = [&](const Error& error) {
    EXPECT_EQ(error.code, errc::closed);
    ended = true;
    ended.notify_all();
  };
  std::optional<Client> last(ClientOptions{.endpoints = {server->url()}});
  const Subscription subscription = last->watch("/a", options, [](const Event&) {});
  last.reset();
  ended.wait(false);
}

TEST_F(OverHttp, NothingIsLeftBehind) {
  const auto threads_before = threads();
  const auto descriptors_before = descriptors();
  {
    const Client another({.endpoints = {server->url()}, .sync_interval = 1h});
    for (int i = 0; i < 20; ++i) {
      const Subscription subscription = another.watch("/a", {}, [](const Event&) {});
      EXPECT_TRUE(another.set("/a", "1"));
      EXPECT_FALSE(*another.wait("/nothing", {.timeout = 1ms}));
    }
  }
  while (server->connections() > 0) std::this_thread::yield();
  while (threads() > threads_before) std::this_thread::yield();
  EXPECT_EQ(node.statistics().watchers, 0U);
  while (descriptors() > descriptors_before) std::this_thread::yield();
}

TEST_F(OverHttp, FailsOverToAServerThatLives) {
  std::string dead;
  {
    const RawServer gone([](const RawConnection&) {});
    dead = gone.url();
  }
  const Client both({.endpoints = {dead, server->url()}});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(both.set("/a", std::to_string(i)));
}

struct Bad {
  const char* name;
  std::string answer;
};

class BadServer : public ::testing::TestWithParam<Bad> {};

TEST_P(BadServer, GivesReadsAndWritesAClearErrorByTheDeadline) {
  const RawServer server([&](const RawConnection& connection) {
    while (!connection.read_request().empty() && connection.send(GetParam().answer)) {
      if (!GetParam().answer.starts_with("HTTP/1.1")) return;
    }
  });
  const auto threads_before = threads();
  {
    const Client client({.endpoints = {server.url()}, .max_answer_bytes = 100'000});
    const auto read = client.get("/a", {.timeout = 150ms});
    ASSERT_FALSE(read);
    EXPECT_TRUE(read.error().code == errc::protocol_error || read.error().code == errc::unavailable);
    EXPECT_NE(read.error().message, "");
    EXPECT_EQ(read.error().endpoint, server.url());

    const auto written = client.set("/a", "v", {.timeout = 150ms});
    ASSERT_FALSE(written);
    EXPECT_TRUE(written.error().code == condition::outcome_unknown) << written.error().describe();
    EXPECT_FALSE(client.sync({.timeout = 150ms}));
  }
  while (threads() > threads_before + server.open()) std::this_thread::yield();
}

INSTANTIATE_TEST_SUITE_P(
    That, BadServer,
    ::testing::Values(Bad{"closes_at_once", ""}, Bad{"speaks_no_http", "220 mail.example ESMTP\r\n"},
                      Bad{"shows_a_page", http_answer("<html><body>Welcome</body></html>")},
                      Bad{"shows_an_error_page", http_answer("<html>Bad Gateway</html>", "502 Bad Gateway")},
                      Bad{"redirects", http_answer("", "301 Moved Permanently", "Location: http://elsewhere/\r\n")},
                      Bad{"truncates", http_answer("{\"action\":\"get\",\"node\":{\"key\":\"/a\"")},
                      Bad{"nests_deeply", http_answer("{\"node\":" + std::string(50'000, '['))},
                      Bad{"sends_too_much", http_answer(std::string(200'000, ' '))},
                      Bad{"mistypes",
                          http_answer(R"({"action":"get","node":{"key":1,"modifiedIndex":"x","createdIndex":2}})")},
                      Bad{"promises_more_than_it_sends", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"}),
    [](const auto& test) { return test.param.name; });

/// Answers every request of a connection with the same text.
RawServer::Handler answers(const std::string& body) {
  return [answer = http_answer(body, "200 OK", "Content-Type: application/json\r\nX-Deimos-Index: 7\r\n")](
             const RawConnection& connection) {
    while (!connection.read_request().empty() && connection.send(answer)) {
    }
  };
}

TEST(HttpAnswers, ARedirectIsNotFollowed) {
  const RawServer elsewhere(answers("{}"));
  for (const char* status :
       {"301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"}) {
    const RawServer server([&](const RawConnection& connection) {
      const std::string redirect = http_answer("", status, "Location: " + elsewhere.url() + "/keys/a\r\n");
      while (!connection.read_request().empty() && connection.send(redirect)) {
      }
    });
    const Client client({.endpoints = {server.url()}});
    EXPECT_EQ(client.get("/a").error().code, errc::protocol_error) << status;
    const auto written = client.set("/a", "v");
    ASSERT_FALSE(written);
    EXPECT_TRUE(written.error().code == condition::outcome_unknown) << status;
    EXPECT_THAT(written.error().message, HasSubstr(std::string(status).substr(0, 3)));
  }
  EXPECT_EQ(elsewhere.accepted(), 0);
}

TEST(HttpAnswers, APageOfAProxyIsNoAnswerOfTheStore) {
  for (const char* status :
       {"400 Bad Request", "403 Forbidden", "404 Not Found", "407 Proxy Authentication Required"}) {
    const RawServer server([&](const RawConnection& connection) {
      const std::string page = http_answer("<html>no</html>", status, "Content-Type: text/html\r\n");
      while (!connection.read_request().empty() && connection.send(page)) {
      }
    });
    const Client client({.endpoints = {server.url()}});
    const auto read = client.get("/a");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, errc::protocol_error) << status;
    EXPECT_THAT(read.error().describe(), HasSubstr("<html>no</html>")) << "so that one sees who answered";
  }
}

TEST(HttpAnswers, AnAnswerAboutAnotherKeyOrValueIsRefused) {
  const RawServer server(
      answers(R"({"action":"set","node":{"key":"/other","value":"x","modifiedIndex":7,"createdIndex":7}})"));
  const Client client({.endpoints = {server.url()}});
  EXPECT_TRUE(client.set("/other", "x"));
  EXPECT_TRUE(client.get("/other"));
  EXPECT_EQ(client.get("/mine", {.timeout = 1s}).error().code, errc::protocol_error);
  EXPECT_TRUE(client.set("/mine", "x").error().code == condition::outcome_unknown);
  EXPECT_TRUE(client.set("/other", "y").error().code == condition::outcome_unknown);
  EXPECT_TRUE(client.create_in_order("/queue", "x").error().code == condition::outcome_unknown);
  EXPECT_TRUE(client.remove("/mine").error().code == condition::outcome_unknown);
  EXPECT_EQ(client.wait("/mine").error().code, errc::protocol_error);
  EXPECT_EQ(client.wait("/othe", {.recursive = true}).error().code, errc::protocol_error);
  EXPECT_TRUE(client.wait("/other/below").value()) << "the directory above it was changed";
  EXPECT_TRUE(client.wait("/", {.recursive = true}).value());
}

TEST(HttpAnswers, WhatIsNotUtf8ComesBackChangedAndIsTheirs) {
  const RawServer server(
      answers("{\"action\":\"set\",\"node\":{\"key\":\"/"
              "a\",\"value\":\"\xef\xbf\xbd\",\"modifiedIndex\":7,\"createdIndex\":7}}"));
  const Client client({.endpoints = {server.url()}});
  EXPECT_TRUE(client.set("/a", "\xff"));
}

TEST(HttpAnswers, TheDeadlineHoldsWhileDataKeepsComing) {
  const RawServer server([](const RawConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (connection.send("1\r\n \r\n")) {
    }
  });
  const Client client({.endpoints = {server.url()}});
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(client.get("/a", {.timeout = 100ms}).error().code, errc::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s) << "the data ended it, not the deadline";
}

TEST(HttpAnswers, AnExchangeThatCouldNotBeAbortedIsNotBegun) {
  // Nobody accepts: a thread that runs while there are no descriptors would alarm sanitizers, which use some
  // themselves.
  const fake::HttpListener listener("127.0.0.1", 0);
  const ClientOptions options{.endpoints = {listener.url()}, .retry = {.max_attempts = 1}};
  EXPECT_FALSE(Client(options).get("/a", {.timeout = 50ms}));  // Whatever is opened once is open now.
  const Client client(options);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const int next = ::dup(STDERR_FILENO);
  ::close(next);
  const rlimit narrow{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &narrow);
  const auto answer = client.get("/a", {.timeout = 1s});
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("descriptor"));
}

}  // namespace
}  // namespace deimos
