// What a child of fork() has of its parent's client and locks: nothing that acts.
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <optional>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>
#include <deimos/http_transport.h>
#include <deimos/lock_manager.h>
#include <deimos/thread_runtime.h>

#include "http/raw_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

#if defined(__SANITIZE_THREAD__)
constexpr bool may_start_threads = false;  // The thread sanitizer ends a child of several threads that starts one.
#else
constexpr bool may_start_threads = true;
#endif

/// Ends the child with a line that says what did not hold.
#define IN_CHILD(condition)                                                      \
  do {                                                                           \
    if (!(condition)) {                                                          \
      std::fprintf(stderr, "in the child, line %d: %s\n", __LINE__, #condition); \
      _exit(1);                                                                  \
    }                                                                            \
  } while (false)

class Fork : public ::testing::Test {
 protected:
  /// Runs `body` in a child; it must come to its end within 20 s.
  template <typename Body>
  void in_child(Body body) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::alarm(20);
      body();
      _exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0);
  }

  fake::Node node;
  fake::HttpServer server{node};
  ClientOptions options{.endpoints = {server.url()}};
  std::optional<Client> client{std::in_place, options};
};

TEST_F(Fork, AClientIsClosedAndItsConnectionsStayTheParents) {
  ASSERT_TRUE(client->set("/parent", "p"));
  in_child([&] {
    IN_CHILD(client->get("/parent").error().code == errc::closed);
    IN_CHILD(client->set("/parent", "c").error().code == errc::closed);
    IN_CHILD(client->sync().error().code == errc::closed);
    client->close();
    const Client own(options);
    IN_CHILD(own.set("/child", "c"));
    client.reset();
  });
  const auto read = client->get("/parent");
  ASSERT_TRUE(read) << read.error().describe();
  EXPECT_EQ(read->node.value, "p");
  EXPECT_EQ(client->get("/child")->node.value, "c");
}

TEST_F(Fork, AKeptConnectionSurvivesTheChildsDestructors) {
  const RawServer counting([](const RawConnection& connection) {
    while (!connection.read_request().empty()) connection.send(http_answer("hello"));
  });
  const auto runtime = std::make_shared<ThreadRuntime>();
  auto transport = std::make_unique<HttpTransport>(runtime);
  Request get;
  get.method = "GET";
  get.target = "/";
  const auto ask = [&] { return transport->exchange(counting.url(), get, runtime->now() + 10s, {}); };
  ASSERT_TRUE(ask());
  in_child([&] {
    const Exchange refused = ask();
    IN_CHILD(!refused && refused.error().reason == Failure::Reason::closed);
    IN_CHILD(refused.error().delivery == Delivery::not_sent);
    transport.reset();
  });
  ASSERT_TRUE(ask());
  EXPECT_EQ(counting.accepted(), 1);
}

TEST_F(Fork, ALockIsTheParentsAlone) {
  std::optional<LockManager> manager(std::in_place, *client, LockOptions{.ttl = 5s});
  std::optional<Hold> hold = manager->mutex("reports").acquire().value();
  const Mutex mutex = manager->mutex("other");
  mutex.lock();
  in_child([&] {
    IN_CHILD(!hold->is_held());
    IN_CHILD(!mutex.is_held());
    IN_CHILD(hold->renew().error().code == errc::closed);
    IN_CHILD(manager->mutex("third").acquire().error().code == errc::closed);
    IN_CHILD(manager->is_locked("reports").error().code == errc::closed);
    IN_CHILD(manager->force_unlock("reports").error().code == errc::closed);
    mutex.unlock();
    hold.reset();
    manager->close();
    manager.reset();
    if (!may_start_threads) return;
    LockManager own{Client(options)};
    IN_CHILD(own.is_locked("reports").value());
    IN_CHILD(own.mutex("third").acquire());
  });
  EXPECT_TRUE(hold->is_held());
  EXPECT_TRUE(mutex.is_held());
  EXPECT_TRUE(hold->renew());
  EXPECT_TRUE(manager->is_locked("reports").value());
  EXPECT_TRUE(manager->is_locked("other").value());
  EXPECT_FALSE(manager->is_locked("third").value());
  mutex.unlock();
  EXPECT_EQ(hold->release().value(), Release::freed);
}

TEST_F(Fork, AWatchIsLeftToTheParent) {
  std::optional<Subscription> subscription = client->watch("/key", {}, [](const Event&) {});
  in_child([&] {
    subscription.reset();
    client.reset();
  });
  EXPECT_TRUE(client->set("/key", "value"));
}

}  // namespace
}  // namespace deimos
