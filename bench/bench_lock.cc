// What a lock costs: beside two bare requests, in handovers, and by the number that are held.
#include <benchmark/benchmark.h>
#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>
#include <deimos/lock_manager.h>
#include <deimos/thread_runtime.h>

namespace {

using deimos::Client;
using deimos::LockManager;
using Time = std::chrono::steady_clock;

void stop_if(benchmark::State& state, bool failed) {
  if (failed) state.SkipWithError("a request failed");
}

/// Lock and unlock, then two bare PUTs, in turn, so that whatever else the machine does hits both alike. The counters:
/// `ratio` is the lock's time by that of the bare pair, `requests` what one lock and unlock send.
void HttpLockUnlockRatio(benchmark::State& state) {
  deimos::fake::Node node;
  deimos::fake::HttpServer server(node);
  const Client client({.endpoints = {server.url()}});
  const LockManager locks(client);
  const deimos::Mutex mutex = locks.mutex("a");
  httplib::Client bare("127.0.0.1", server.port());
  bare.set_keep_alive(true);
  bare.set_tcp_nodelay(true);
  bare.set_url_encode(false);
  const auto put = [&] {
    return static_cast<bool>(
        bare.Put("/keys/bare", "value=0123456789abcdef&ttl=30", "application/x-www-form-urlencoded"));
  };
  stop_if(state, !put() || !mutex.acquire());
  Time::duration ours{};
  Time::duration theirs{};
  std::uint64_t sent = 0;
  for ([[maybe_unused]] auto _ : state) {
    const auto start = Time::now();
    const bool both = put() && put();
    const auto middle = Time::now();
    const std::uint64_t before = node.statistics().requests;
    const auto locking = Time::now();
    auto hold = mutex.acquire();
    const bool locked = hold && hold->release();
    ours += Time::now() - locking;
    sent += node.statistics().requests - before;
    theirs += middle - start;
    stop_if(state, !both || !locked);
  }
  state.counters["ratio"] = static_cast<double>(ours.count()) / static_cast<double>(theirs.count());
  state.counters["requests"] = benchmark::Counter(static_cast<double>(sent), benchmark::Counter::kAvgIterations);
}
BENCHMARK(HttpLockUnlockRatio)->UseRealTime();

/// A node and a runtime in the process; each client of it is its own.
struct InProcess {
  std::shared_ptr<deimos::ThreadRuntime> runtime = std::make_shared<deimos::ThreadRuntime>();
  deimos::fake::Node node;

  [[nodiscard]] Client client() {
    return Client({.endpoints = {"http://127.0.0.1:4001"},
                   .runtime = runtime,
                   .transport = std::make_shared<deimos::fake::InProcessTransport>(*runtime, node)});
  }
};

void InProcessLockUnlock(benchmark::State& state) {
  InProcess in;
  const LockManager locks(in.client());
  const deimos::Mutex mutex = locks.mutex("a");
  for ([[maybe_unused]] auto _ : state) {
    auto hold = mutex.acquire();
    stop_if(state, !hold || !hold->release());
  }
}
BENCHMARK(InProcessLockUnlock);

/// Two managers hand one lock to and fro: from one's release to the other's hold, and what that takes in requests.
void InProcessHandover(benchmark::State& state) {
  InProcess in;
  const LockManager first(in.client());
  const LockManager second(in.client());
  auto held = first.mutex("a").acquire();
  bool first_holds = true;
  const std::uint64_t before = in.node.statistics().requests;
  for ([[maybe_unused]] auto _ : state) {
    const LockManager& next = first_holds ? second : first;
    deimos::Result<deimos::Hold> got = deimos::fail(deimos::errc::closed, "");
    auto waiter = in.runtime->spawn("waiter", [&](const std::stop_token&) { got = next.mutex("a").acquire(); });
    while (in.node.statistics().watchers == 0) benchmark::ClobberMemory();
    const auto start = Time::now();
    stop_if(state, !held->release());
    waiter.reset();
    state.SetIterationTime(std::chrono::duration<double>(Time::now() - start).count());
    stop_if(state, !got);
    if (!got) break;
    held = std::move(got);
    first_holds = !first_holds;
  }
  state.counters["requests"] = benchmark::Counter(static_cast<double>(in.node.statistics().requests - before),
                                                  benchmark::Counter::kAvgIterations);
}
BENCHMARK(InProcessHandover)->UseManualTime()->Unit(benchmark::kMicrosecond);

std::size_t threads_of_this_process() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

/// One session that holds many locks: its threads, and its requests per lock and second while they are renewed.
void InProcessHeldLocks(benchmark::State& state) {
  InProcess in;
  const LockManager locks(in.client(),
                          {.ttl = std::chrono::seconds(3), .max_clock_skew = std::chrono::milliseconds(100)});
  std::vector<deimos::Hold> holds;
  for (std::int64_t number = 0; number < state.range(0); ++number) {
    auto hold = locks.mutex("lock" + std::to_string(number)).acquire();
    stop_if(state, !hold);
    if (hold) holds.push_back(std::move(*hold));
  }
  const std::uint64_t before = in.node.statistics().requests;
  const auto start = Time::now();
  for ([[maybe_unused]] auto _ : state) in.runtime->sleep_for(std::chrono::seconds(2));
  const double seconds = std::chrono::duration<double>(Time::now() - start).count();
  const auto renewals = static_cast<double>(in.node.statistics().requests - before);
  state.counters["requests_per_lock_second"] = renewals / seconds / static_cast<double>(holds.size());
  state.counters["threads"] = static_cast<double>(threads_of_this_process());
}
BENCHMARK(InProcessHeldLocks)->Arg(1)->Arg(100)->Arg(1000)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);

}  // namespace
