// What is counted, and how it is written down for Prometheus.
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <deimos/lock_metrics.h>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Attempt request_to(std::string endpoint) {
  Attempt attempt;
  attempt.endpoint = std::move(endpoint);
  return attempt;
}

class LockMetricsTest : public ::testing::Test {
 protected:
  LockMetricsTest() {
    // As two listeners of one manager: what the world looks at, and the figures.
    holder.locks.reset();
    LockOptions options{.ttl = 10s, .on_event = metrics.on_event()};
    locks.emplace(holder.faults, world.runtime, options);
  }

  World world;
  LockMetrics metrics;
  Member& holder = world.add();
  Member& other = world.add();
  std::optional<LockManager> locks;
};

TEST_F(LockMetricsTest, CountWhatIsHeldAndForHowLong) {
  auto hold = locks->mutex("a").acquire().value();
  {
    const auto nested = locks->mutex("a").acquire().value();
    EXPECT_EQ(metrics.figures().held, 1) << "a nested hold is none of its own";
  }
  world.sleep(2s);
  EXPECT_EQ(metrics.figures().held, 1);
  EXPECT_EQ(metrics.figures().holds.count, 0u);
  ASSERT_TRUE(hold.release());

  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.held, 0);
  EXPECT_EQ(figures.acquired, 1u);
  EXPECT_EQ(figures.released, 1u);
  EXPECT_EQ(figures.holds.count, 1u);
  EXPECT_NEAR(figures.holds.sum, 2.0, 0.1);
  EXPECT_EQ(figures.waiting, 0);
  EXPECT_EQ(figures.waits.count, 1u);
  EXPECT_LT(figures.waits.sum, 0.1);
}

TEST_F(LockMetricsTest, CountWhoWaitsForWhatAnotherProcessHolds) {
  auto theirs = other.locks->mutex("a").acquire().value();
  const auto waiter = world.spawn("waiter", [&] { (void)locks->mutex("a").acquire().value(); });
  const auto behind = world.spawn(
      "in vain", [&] { EXPECT_EQ(locks->mutex("a").acquire({.wait = 1s}).error().code, errc::lock_timeout); });
  world.sleep(500ms);
  EXPECT_EQ(metrics.figures().waiting, 2) << "one asks the store, one waits behind it in this process";
  EXPECT_EQ(metrics.figures().held, 0);
  world.sleep(2500ms);
  EXPECT_EQ(metrics.figures().waiting, 1);
  ASSERT_TRUE(theirs.release());
  world.sleep(1s);

  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.waiting, 0);
  EXPECT_EQ(figures.held, 0);
  EXPECT_THAT(figures.failed, ElementsAre(Pair(make_error_code(errc::lock_timeout), 1u)));
  EXPECT_EQ(figures.waits.count, 2u);
  EXPECT_NEAR(figures.waits.sum, 4.0, 0.2);
}

TEST_F(LockMetricsTest, ARefusedTryIsNotAWait) {
  const auto mine = locks->mutex("a").acquire().value();
  const auto task = world.spawn(
      "other owner", [&] { EXPECT_EQ(locks->mutex("a").acquire({.wait = 0s}).error().code, errc::lock_already_held); });
  world.sleep(100ms);
  EXPECT_EQ(metrics.figures().waiting, 0);
  EXPECT_EQ(metrics.figures().held, 1);
}

TEST_F(LockMetricsTest, CountLossesByTheirCause) {
  const auto taken = locks->mutex("taken").acquire().value();
  const auto expired = locks->mutex("expired").acquire({.auto_renew = false}).value();
  world.sleep(1s);
  ASSERT_TRUE(other.locks->force_unlock("taken").value());
  world.sleep(12s);

  const LockFigures figures = metrics.figures();
  EXPECT_THAT(figures.lost, ElementsAre(Pair(make_error_code(errc::lock_not_held), 1u),
                                        Pair(make_error_code(errc::lock_expired), 1u)));
  EXPECT_EQ(figures.held, 0);
  EXPECT_EQ(figures.holds.count, 2u);
  // The one was found out by its renewal, after a third of the lease, the other held until its end.
  EXPECT_NEAR(figures.holds.sum, 3.2 + 9.4, 1.0);
}

TEST_F(LockMetricsTest, ALockThatIsGoneAtItsReleaseWasLost) {
  auto hold = locks->mutex("a").acquire().value();
  ASSERT_TRUE(other.locks->force_unlock("a").value());
  EXPECT_EQ(hold.release().error().code, errc::lock_not_held);
  EXPECT_THAT(metrics.figures().lost, ElementsAre(Pair(make_error_code(errc::lock_not_held), 1u)));
  EXPECT_EQ(metrics.figures().held, 0);
  EXPECT_EQ(metrics.figures().released, 0u);
}

TEST_F(LockMetricsTest, AReleaseThatIsUnclearEndsTheHoldOnce) {
  auto hold = locks->mutex("a").acquire().value();
  holder.faults->next(Step::release, lose_answer());
  EXPECT_EQ(hold.release().value(), Release::in_background);
  world.sleep(5s);
  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.held, 0);
  EXPECT_EQ(figures.left_to_cleaner, 1u);
  EXPECT_EQ(figures.holds.count, 1u);
}

TEST_F(LockMetricsTest, WhatIsHeldWhenTheManagerClosesIsCountedOnce) {
  const auto hold = locks->mutex("a").acquire().value();
  locks->close();
  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.held, 0);
  EXPECT_THAT(figures.lost, ElementsAre(Pair(make_error_code(errc::closed), 1u)));
  EXPECT_EQ(figures.holds.count, 1u);
}

TEST_F(LockMetricsTest, CountRenewalsAndHowLateTheyAre) {
  const auto hold = locks->mutex("a").acquire().value();
  world.sleep(8s);
  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.renewals, 2u) << "every 3.13 s";
  EXPECT_EQ(figures.renewal_lag.count, 2u);
  EXPECT_LT(figures.renewal_lag.sum, 0.01);
  ASSERT_TRUE(hold.renew());
  EXPECT_EQ(metrics.figures().renewals, 3u);
  EXPECT_EQ(metrics.figures().renewal_lag.count, 2u) << "one by hand was not planned";
}

TEST_F(LockMetricsTest, ARenewalThatHasToWaitIsLate) {
  LockOptions options{.ttl = 10s, .max_renewals_at_once = 1, .on_event = metrics.on_event()};
  LockManager narrow(holder.faults, world.runtime, options);
  const auto one = narrow.mutex("one").acquire().value();
  const auto two = narrow.mutex("two").acquire().value();
  holder.faults->next(Step::renew, delay_answer(500ms));
  world.sleep(4s);
  const LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.renewals, 2u);
  EXPECT_NEAR(figures.renewal_lag.sum, 0.5, 0.1) << "the second waited for the answer to the first";
  EXPECT_EQ(figures.late_renewals, 0u);
}

TEST_F(LockMetricsTest, ARenewalThatIsAnsweredTooLateIsNone) {
  const auto hold = locks->mutex("a").acquire().value();
  holder.faults->always(Step::renew, answer_overdue(20s));
  world.sleep(30s);
  EXPECT_FALSE(hold.is_held());
  EXPECT_EQ(metrics.figures().renewals, 0u);
}

TEST_F(LockMetricsTest, TimeInTheQueueIsNoTimeOfHolding) {
  auto theirs = other.locks->mutex("fair", {.fairness = Fairness::fair}).acquire().value();
  const auto waiter = world.spawn("waiter", [&] {
    const auto mine = locks->mutex("fair", {.fairness = Fairness::fair}).acquire().value();
    world.sleep(1s);
  });
  world.sleep(2s);
  EXPECT_EQ(metrics.figures().held, 0);
  ASSERT_TRUE(theirs.release());
  world.sleep(3s);
  EXPECT_NEAR(metrics.figures().waits.sum, 2.0, 0.2);
  EXPECT_NEAR(metrics.figures().holds.sum, 1.0, 0.2);
}

TEST_F(LockMetricsTest, EveryKindOfLockCountsAlike) {
  {
    const auto fair = locks->mutex("fair", {.fairness = Fairness::fair}).acquire().value();
    const auto shared = locks->shared_mutex("shared").acquire_shared().value();
    const auto permits = locks->semaphore("permits", {.permits = 3}).acquire(2).value();
    EXPECT_EQ(metrics.figures().held, 3);
  }
  EXPECT_EQ(metrics.figures().held, 0);
  EXPECT_EQ(metrics.figures().released, 3u);
  EXPECT_EQ(metrics.figures().waits.count, 3u);
}

TEST(LockMetricsOfEvents, CountEachByItself) {
  using Kind = LockEvent::Kind;
  const auto count_of = [](Kind kind) {
    const LockMetrics metrics;
    // Such a duration is a lag, and ends nothing.
    const bool has_lag = kind == Kind::renewed || kind == Kind::renewal_late;
    metrics.on_event()({.kind = kind, .name = "a", .duration = has_lag ? std::optional<Duration>(1s) : std::nullopt});
    const LockFigures figures = metrics.figures();
    EXPECT_EQ(figures.held, kind == Kind::acquired ? 1 : 0) << to_string(kind);
    EXPECT_EQ(figures.holds.count, 0u) << to_string(kind);
    return std::vector<std::uint64_t>{figures.renewals,      figures.failed_renewals, figures.late_renewals,
                                      figures.places_lost,   figures.left_to_cleaner, figures.left_to_expire,
                                      figures.stray_unlocks, figures.released,        figures.acquired};
  };
  EXPECT_THAT(count_of(Kind::renewed), ElementsAre(1u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::renewal_failed), ElementsAre(0u, 1u, 0u, 0u, 0u, 0u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::renewal_late), ElementsAre(0u, 0u, 1u, 0u, 0u, 0u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::place_lost), ElementsAre(0u, 0u, 0u, 1u, 0u, 0u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::left_to_cleaner), ElementsAre(0u, 0u, 0u, 0u, 1u, 0u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::left_to_expire), ElementsAre(0u, 0u, 0u, 0u, 0u, 1u, 0u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::stray_unlock), ElementsAre(0u, 0u, 0u, 0u, 0u, 0u, 1u, 0u, 0u));
  EXPECT_THAT(count_of(Kind::released), ElementsAre(0u, 0u, 0u, 0u, 0u, 0u, 0u, 1u, 0u));
  EXPECT_THAT(count_of(Kind::acquired), ElementsAre(0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 1u));
  EXPECT_THAT(count_of(Kind::cleaned), ElementsAre(0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u));
}

TEST(LockMetricsOfAClient, CountRequestsByEndpoint) {
  const LockMetrics metrics;
  const auto observer = metrics.observer();
  const Attempt one = request_to("http://a:1");
  const Attempt two = request_to("http://b:2");
  observer->on_response(one, 200, 2ms);
  observer->on_response(one, 404, 2ms);
  observer->on_exchange_failed(two, {}, 3s);
  observer->on_retry(two, "no answer", 1s);
  observer->on_endpoint_change({EndpointChange::Kind::down, "http://b:2", "no answer"});
  LockFigures figures = metrics.figures();
  EXPECT_EQ(figures.endpoints.at("http://a:1").answered, 2u);
  EXPECT_EQ(figures.endpoints.at("http://a:1").failed, 0u);
  EXPECT_TRUE(figures.endpoints.at("http://a:1").up);
  EXPECT_EQ(figures.endpoints.at("http://b:2").answered, 0u);
  EXPECT_EQ(figures.endpoints.at("http://b:2").failed, 1u);
  EXPECT_FALSE(figures.endpoints.at("http://b:2").up);
  EXPECT_EQ(figures.retries, 1u);
  EXPECT_EQ(figures.requests.count, 3u);
  EXPECT_NEAR(figures.requests.sum, 3.004, 1e-9);

  observer->on_endpoint_change({EndpointChange::Kind::up, "http://b:2", ""});
  EXPECT_TRUE(metrics.figures().endpoints.at("http://b:2").up);
  observer->on_endpoint_change({EndpointChange::Kind::removed, "http://b:2", ""});
  EXPECT_FALSE(metrics.figures().endpoints.contains("http://b:2"));
}

TEST(LockMetricsOfAClient, EndpointsThatNeverEndTakeNoMemory) {
  const LockMetrics metrics;
  for (int i = 0; i < 3000; ++i) {
    metrics.observer()->on_response(request_to("http://node:" + std::to_string(i)), 200, 1ms);
  }
  EXPECT_LE(metrics.figures().endpoints.size(), 1001u);
  EXPECT_EQ(metrics.figures().endpoints.at("other").answered, 2000u);
}

TEST(LockMetricsOfAClient, CountFromManyThreads) {
  const LockMetrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([on_event = metrics.on_event(), observer = metrics.observer()] {
        for (int turn = 0; turn < 1000; ++turn) {
          on_event({.kind = LockEvent::Kind::acquired, .name = "a"});
          observer->on_response(request_to("http://a:1"), 200, 1ms);
        }
      });
    }
  }
  EXPECT_EQ(metrics.figures().acquired, 4000u);
  EXPECT_EQ(metrics.figures().requests.count, 4000u);
}

TEST(DurationHistogramTest, ABoundIsOfTheBucketBelowIt) {
  DurationHistogram histogram;
  histogram.add(-1s);
  histogram.add(0s);
  histogram.add(1ms);
  histogram.add(1ms + 1ns);
  histogram.add(1h);
  histogram.add(1h + 1ns);
  EXPECT_THAT(histogram.buckets, ElementsAre(3u, 1u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 1u, 1u));
  EXPECT_EQ(histogram.count, 6u);
  EXPECT_NEAR(histogram.sum, 7200.002, 1e-6);
}

TEST(PrometheusText, WritesBucketsThatAddUp) {
  LockFigures figures;
  figures.waits.add(1ms);
  figures.waits.add(3ms);
  figures.waits.add(2h);
  const std::string text = prometheus_text(figures);
  EXPECT_THAT(text, HasSubstr("# TYPE deimos_lock_wait_seconds histogram\n"
                              "deimos_lock_wait_seconds_bucket{le=\"0.001\"} 1\n"
                              "deimos_lock_wait_seconds_bucket{le=\"0.005\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("deimos_lock_wait_seconds_bucket{le=\"3600\"} 2\n"
                              "deimos_lock_wait_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("deimos_lock_wait_seconds_count 3\n"));
}

TEST(PrometheusText, WritesWhatWasCounted) {
  LockFigures figures;
  figures.held = 3;
  figures.waiting = 4;
  figures.acquired = 5;
  figures.lost[make_error_code(errc::lock_expired)] = 6;
  figures.endpoints["http://a:1"] = {.up = false, .answered = 7, .failed = 8};
  const std::string text = prometheus_text(figures);
  EXPECT_THAT(text, HasSubstr("\ndeimos_locks_waiting 4\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_locks_held 3\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_locks_acquired_total 5\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_locks_lost_total{cause=\"the lock's lease has expired\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_requests_total{endpoint=\"http://a:1\",outcome=\"answered\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_requests_total{endpoint=\"http://a:1\",outcome=\"failed\"} 8\n"));
  EXPECT_THAT(text, HasSubstr("\ndeimos_endpoint_up{endpoint=\"http://a:1\"} 0\n"));
}

TEST(PrometheusText, WritesEachFigureUnderItsOwnName) {
  LockFigures figures;
  figures.released = 11;
  figures.renewals = 12;
  figures.failed_renewals = 13;
  figures.late_renewals = 14;
  figures.places_lost = 15;
  figures.left_to_cleaner = 16;
  figures.left_to_expire = 17;
  figures.stray_unlocks = 18;
  figures.retries = 19;
  figures.failed[make_error_code(errc::cancelled)] = 20;
  figures.waits.add(21s);
  figures.holds.add(22s);
  figures.renewal_lag.add(23s);
  figures.requests.add(24s);
  const std::string text = prometheus_text(figures);
  for (const char* line : {"deimos_locks_released_total 11", "deimos_lease_renewals_total 12",
                           "deimos_lease_renewals_failed_total 13", "deimos_lease_renewals_late_total 14",
                           "deimos_lock_places_lost_total 15", "deimos_locks_left_to_cleaner_total 16",
                           "deimos_locks_left_to_expire_total 17", "deimos_lock_stray_unlocks_total 18",
                           "deimos_request_retries_total 19", "deimos_locks_failed_total{cause=\"cancelled\"} 20",
                           "deimos_lock_wait_seconds_sum 21", "deimos_lock_hold_seconds_sum 22",
                           "deimos_lease_renewal_lag_seconds_sum 23", "deimos_request_duration_seconds_sum 24"}) {
    EXPECT_THAT(text, HasSubstr('\n' + std::string(line) + '\n'));
  }
}

TEST(PrometheusText, AHostileEndpointStaysWithinItsQuotes) {
  LockFigures figures;
  figures.endpoints["a\"} 1\nevil \\"] = {};
  EXPECT_THAT(prometheus_text(figures), HasSubstr("deimos_endpoint_up{endpoint=\"a\\\"} 1\\nevil \\\\\"} 1\n"));
}

}  // namespace
}  // namespace deimos::lock_test
