// The backend's own laws, step by step, on a real server.
#include <deimos/redis_backend.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "backends/redis/redis_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

struct RedisSteps : testing::Test {
  RedisServer server;
  RedisBackend store{{.addresses = {server.address()}}};
  [[nodiscard]] Deadline soon() const { return {store.runtime()->now() + 5s}; }
};

TEST_F(RedisSteps, ALockIsAPlainStringWithAnExpiry) {
  const auto granted = store.acquire("/locks/a", "token", 10s, soon());
  ASSERT_TRUE(granted) << granted.error().describe();
  EXPECT_EQ(server.command({"GET", "/locks/a"}), "token");
  EXPECT_GT(std::stoi(server.command({"PTTL", "/locks/a"})), 9000);
}

}  // namespace
}  // namespace deimos
