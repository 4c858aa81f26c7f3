// What the suites over all stores have in common.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <deimos/lock_manager.h>

#include "stores/lock_store.h"

namespace deimos {

/// What happens to the locks of one manager, for whoever waits for it.
class EventLog {
 public:
  void add(const LockEvent& event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  }
  /// Whether it happens `times` times within 20 s.
  [[nodiscard]] bool wait_for(LockEvent::Kind kind, int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return count_locked(kind) >= times; });
  }
  [[nodiscard]] int count(LockEvent::Kind kind) {
    const std::scoped_lock lock(mutex_);
    return count_locked(kind);
  }

 private:
  int count_locked(LockEvent::Kind kind) {
    return static_cast<int>(
        std::count_if(events_.begin(), events_.end(), [kind](const LockEvent& event) { return event.kind == kind; }));
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<LockEvent> events_;
};

/// One process of those that share the locks.
struct Member {
  std::shared_ptr<EventLog> events = std::make_shared<EventLog>();
  StoreConnection connection;
  std::unique_ptr<LockManager> locks;
};

class StoreSuite : public ::testing::TestWithParam<StoreKind> {
 protected:
  Member member(std::string owner, LockOptions options = {}) {
    Member member;
    member.connection = store->connect();
    options.owner = std::move(owner);
    options.prefix = "/test/locks";
    if (options.ttl == LockOptions().ttl) options.ttl = std::chrono::seconds(3);
    options.request_timeout = std::chrono::seconds(2);
    options.on_event = [events = member.events](const LockEvent& event) { events->add(event); };
    member.locks =
        std::make_unique<LockManager>(member.connection.backend, member.connection.runtime, std::move(options));
    return member;
  }
  /// Whether so many hold the lock or wait for it in the store, within 20 s.
  static bool has_line(Member& who, const std::string& name, std::size_t length) {
    const TimePoint end = saturating_add(who.connection.runtime->now(), std::chrono::seconds(20));
    while (who.connection.runtime->now() < end) {
      const auto line = who.locks->line(name);
      if (line && line->size() == length) return true;
      who.connection.runtime->sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  /// Every key that is left, as any backend lists it.
  std::vector<std::string> keys_left() {
    const StoreConnection look = store->connect();
    const auto listing = look.backend->list("/test", {saturating_add(look.runtime->now(), std::chrono::seconds(5))});
    EXPECT_TRUE(listing) << (listing ? "" : listing.error().describe());
    std::vector<std::string> keys;
    if (listing) {
      for (const LockRecord& record : listing->records) keys.push_back(record.key);
    }
    return keys;
  }

  std::unique_ptr<LockStore> store = GetParam().start();
};

inline std::string store_name(const ::testing::TestParamInfo<StoreKind>& info) { return info.param.name; }

/// For messages: what went wrong, or nothing.
template <typename T>
std::string why(const Result<T>& result) {
  return result ? std::string() : result.error().describe();
}

}  // namespace deimos
