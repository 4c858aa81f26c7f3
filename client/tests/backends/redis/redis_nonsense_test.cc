// Answers of a false Redis server: nonsense, cut off, and refusals of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/redis/redis_manager.h"
#include "backends/redis/redis_server.h"
#include "http/raw_server.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A server that greets as Redis does, and answers steps with whatever it is told.
class FalseRedis {
 public:
  explicit FalseRedis(std::string answer, bool closes = false) : answer_(std::move(answer)), closes_(closes) {}

  Error acquire() {
    RedisBackend store({.addresses = {address_of(server_)}, .max_answer_bytes = 100'000});
    const auto answer = store.acquire("/locks/a", "t", 10s, {store.runtime()->now() + 300ms});
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  }
  Error inspect() {
    RedisBackend store({.addresses = {address_of(server_)}, .max_answer_bytes = 100'000});
    const auto answer = store.inspect("/locks/a", {store.runtime()->now() + 300ms});
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  }

 private:
  void serve(const RawConnection& connection) const {
    std::string asked;
    const auto await = [&](std::string_view word) {
      std::array<char, 4096> buffer{};
      while (asked.find(word) == std::string::npos) {
        const ssize_t size = ::recv(connection.socket(), buffer.data(), buffer.size(), 0);
        if (size <= 0) return false;
        asked.append(buffer.data(), static_cast<std::size_t>(size));
      }
      asked.clear();
      return true;
    };
    if (!await("ROLE") || !connection.send("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")) return;
    if (!await("hello\r\n") || !connection.send("*1\r\n$5\r\nhello\r\n")) return;
    if (!await("EVALSHA") || !connection.send(answer_)) return;
    if (!closes_) connection.wait_for_close();
  }

  std::string answer_;
  bool closes_;
  RawServer server_{[this](const RawConnection& connection) { serve(connection); }};
};

TEST(RedisFaults, AnswersThatAreNoneAreUnclear) {
  for (const char* answer :
       {"nonsense\r\n", "+OK\r\n", ":1\r\n", "*0\r\n", "*-1\r\n", "$-1\r\n", "*1\r\n$7\r\nnothing\r\n",
        "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", "*2000000000\r\n", "*-5\r\n", "$-5\r\n",
        "-ERR something\r\n", "$99999999999999999999\r\n"}) {
    FalseRedis server(answer);
    EXPECT_EQ(server.acquire().code, errc::protocol_error) << answer;
    EXPECT_EQ(server.inspect().code, errc::protocol_error) << answer;
  }
  FalseRedis endless("$1000000000\r\n" + std::string(200'000, 'x'));
  EXPECT_EQ(endless.acquire().code, errc::protocol_error);
  EXPECT_THAT(endless.acquire().message, HasSubstr("max_answer_bytes"));
}

TEST(RedisFaults, AnAnswerThatIsCutOffLeavesAWriteUnknownAndAReadNot) {
  for (const char* answer : {"", "*2\r\n$7\r\ngran", "*2\r\n"}) {
    FalseRedis cut(answer, true);
    EXPECT_EQ(cut.acquire().code, errc::outcome_unknown) << answer;
    EXPECT_EQ(cut.inspect().code, errc::unavailable) << answer;
    FalseRedis slow(answer);
    EXPECT_EQ(slow.acquire().code, errc::outcome_unknown) << answer;
    EXPECT_EQ(slow.inspect().code, errc::unavailable) << answer;
  }
}

TEST(RedisFaults, WhatTheServerRefusesWasNotApplied) {
  const std::vector<std::pair<const char*, const char*>> answers = {
      {"-OOM command not allowed when used memory > 'maxmemory'.", "maxmemory"},
      {"-ERR Error running script (call to f_1): @user_script:9: -OOM command not allowed", "maxmemory"},
      {"-READONLY You can't write against a read only replica.", "replica"},
      {"-LOADING Redis is loading the dataset in memory", "loading"},
      {"-MISCONF Redis is configured to save RDB snapshots", "cannot save"},
      {"-BUSY Redis is busy running a script.", "script"},
      {"-NOREPLICAS Not enough good replicas to write.", "min-replicas-to-write"},
      {"-MASTERDOWN Link with MASTER is down", "without its master"},
  };
  for (const auto& [answer, advice] : answers) {
    FalseRedis server(std::string(answer) + "\r\n");
    const Error error = server.acquire();
    EXPECT_EQ(error.code, errc::unavailable) << answer;
    EXPECT_THAT(error.message, HasSubstr(advice));
  }
  FalseRedis closed("-NOAUTH Authentication required.\r\n");
  EXPECT_EQ(closed.acquire().code, errc::invalid_argument);
}

}  // namespace
}  // namespace deimos
