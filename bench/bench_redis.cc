// A lock and its unlock in Redis, beside the two bare requests that they consist of, on one server of Redis' own.
#include <benchmark/benchmark.h>
#include <hiredis/hiredis.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <deimos/lock_manager.h>
#include <deimos/redis_backend.h>

#include "backends/redis/redis_script.h"
#include "backends/redis/redis_server.h"

namespace {

using namespace std::chrono_literals;
using Context = std::unique_ptr<redisContext, void (*)(redisContext*)>;

void ask(redisContext& context, const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  const std::unique_ptr<void, void (*)(void*)> reply(
      redisCommandArgv(&context, static_cast<int>(texts.size()), texts.data(), sizes.data()), freeReplyObject);
  if (!reply || static_cast<redisReply*>(reply.get())->type == REDIS_REPLY_ERROR) throw std::runtime_error("no answer");
}

/// At most 1.3 times of this.
void BM_RedisBareRequests(benchmark::State& state) {
  const deimos::RedisServer server;
  const Context context(redisConnect("127.0.0.1", server.port()), redisFree);
  const std::string token(32, 'a');
  ask(*context, deimos::redis_step("hello", "deimos:hello", {}, true));
  for (auto _ : state) {
    ask(*context, deimos::redis_step("acquire", "/locks/a", {token, "30000"}, false));
    ask(*context, deimos::redis_step("release", "/locks/a", {token}, false));
  }
}
BENCHMARK(BM_RedisBareRequests)->UseRealTime();

void BM_RedisLockAndUnlock(benchmark::State& state) {
  const deimos::RedisServer server;
  const auto store = std::make_shared<deimos::RedisBackend>(deimos::RedisOptions{.addresses = {server.address()}});
  const deimos::LockManager locks(store, store->runtime(), {.ttl = 30s});
  const deimos::Mutex mutex = locks.mutex("a");
  for (auto _ : state) {
    mutex.acquire().value().release().value();
  }
}
BENCHMARK(BM_RedisLockAndUnlock)->UseRealTime();

}  // namespace
