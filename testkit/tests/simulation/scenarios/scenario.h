// What the scenarios share: three nodes, of which the first leads, processes that ask those nodes they are told to, and
// notes of what became of the lock "reports": what its holders were told, and what the store did.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <deimos/testkit/gtest.h>

namespace deimos::testkit {

/// What a process was told of its locks, in true time.
struct Notice {
  LockEvent::Kind kind = LockEvent::Kind::acquired;
  std::error_code error;
  Duration at = {};
};

/// What the lock protects: takes nothing from somebody whose fencing token is older than one it has seen.
class Archive {
 public:
  bool take(std::uint64_t fencing_token) {
    if (fencing_token < highest_) return false;
    highest_ = fencing_token;
    return true;
  }

 private:
  std::uint64_t highest_ = 0;
};

class ScenarioTest : public SimulationTest {
 protected:
  static constexpr const char* lock_key = "/locks/reports";
  static constexpr Duration lease = std::chrono::seconds(30);  ///< LockOptions::ttl, as it is by default.
  /// When a holder stops if it cannot renew: the lease less the margin that LockOptions has by default.
  static constexpr Duration usable_lease = std::chrono::milliseconds(29'200);
  /// The longest that a message and its answer take, with something to spare.
  static constexpr Duration instantly = std::chrono::milliseconds(10);

  explicit ScenarioTest(const fake::ClusterOptions& cluster = {}) : SimulationTest({.nodes = 3, .cluster = cluster}) {
    simulation.cluster().set_observer([changes = changes_](const fake::AuditRecord& change) {
      if (change.key == lock_key) changes->push_back(change);
    });
  }

  /// A process whose client asks `nodes` only.
  void spawn(const std::string& name, const std::vector<int>& nodes, std::function<void(Process&)> body,
             ProcessOptions options = {}) {
    for (const int node : nodes) {
      options.client.endpoints.push_back("http://node" + std::to_string(node) + ":4001");
    }
    options.locks.on_event = [&simulation = simulation, notices = notices_, name](const LockEvent& event) {
      (*notices)[name].push_back(
          {event.kind, event.error ? event.error->code : std::error_code(), simulation.elapsed()});
    };
    simulation.spawn(name, std::move(body), std::move(options));
  }

  static Result<Hold> acquire(Process& process, const AcquireOptions& options = {}) {
    return process.locks().mutex("reports").acquire(options);
  }

  /// Treats the nth request of `client` for the lock's record so, or all of them if 0. `parameter` tells creates from
  /// renewals.
  void disturb(const std::string& client, const std::string& method, const std::string& parameter, std::uint64_t nth,
               const fake::RuleAction& action) {
    simulation.cluster().add_rule(
        {.match = {.client = client, .method = method, .key = lock_key, .parameter = parameter, .nth = nth},
         .action = action});
  }
  static constexpr const char* of_create = "prevExists=false";
  static constexpr const char* of_renewal = "prevValue=";

  /// Until its loss is announced, or for ten minutes.
  static void sleep_until_lost(const Hold& hold, Process& process) {
    process.runtime().sleep_for(std::chrono::minutes(10), hold.lost());
  }
  /// None if it succeeded.
  template <typename T>
  [[nodiscard]] static std::error_code code_of(const Result<T>& result) {
    return result ? std::error_code() : result.error().code;
  }

  /// What `process` was told of that kind.
  [[nodiscard]] std::vector<Notice> told(const std::string& process, LockEvent::Kind kind) const {
    std::vector<Notice> chosen;
    for (const Notice& notice : (*notices_)[process]) {
      if (notice.kind == kind) chosen.push_back(notice);
    }
    return chosen;
  }
  [[nodiscard]] std::size_t times_told(const std::string& process, LockEvent::Kind kind) const {
    return told(process, kind).size();
  }
  /// The writes to the lock's record that were committed, refused ones too; the sweep's are of nobody.
  [[nodiscard]] const std::vector<fake::AuditRecord>& changes() const { return *changes_; }
  [[nodiscard]] std::size_t count_changes(const std::function<bool(const fake::AuditRecord&)>& which) const {
    return static_cast<std::size_t>(std::count_if(changes_->begin(), changes_->end(), which));
  }
  [[nodiscard]] std::size_t count_applied(const std::string& client, fake::Command::Kind kind) const {
    return count_changes(
        [&](const auto& change) { return change.client == client && change.kind == kind && !change.error; });
  }
  /// When it was committed.
  [[nodiscard]] Duration time_of(const fake::AuditRecord& change) const { return change.at - start_; }

  /// What is there, whoever may read it; nothing if it is not.
  [[nodiscard]] std::optional<std::string> stored(const std::string& key) {
    const auto answer = simulation.observer().client().get(key);
    if (answer) return answer->node.value;
    EXPECT_EQ(answer.error().code, errc::key_not_found) << answer.error().describe();
    return std::nullopt;
  }
  /// Neither the lock's record, nor a watch, nor a request that waits.
  void expect_nothing_left() {
    EXPECT_EQ(stored(lock_key), std::nullopt);
    for (const fake::NodeState& node : simulation.cluster().state().nodes) {
      EXPECT_EQ(node.watchers, 0u) << node.name;
      EXPECT_EQ(node.waiting, 0u) << node.name;
    }
  }

  /// True time, as everything here.
  [[nodiscard]] Duration elapsed() const { return simulation.elapsed(); }
  /// When `hold` ends if it is not renewed, in the eyes of a holder whose clock is right.
  [[nodiscard]] Duration deadline_of(const Hold& hold, Process& process) const {
    return elapsed() + (hold.expires_at() - process.now());
  }

 private:
  // Shared with what outlives this fixture: the simulation, which is the base's.
  std::shared_ptr<std::map<std::string, std::vector<Notice>>> notices_ =
      std::make_shared<std::map<std::string, std::vector<Notice>>>();
  std::shared_ptr<std::vector<fake::AuditRecord>> changes_ = std::make_shared<std::vector<fake::AuditRecord>>();
  fake::Instant start_ = simulation.cluster().now();
};

/// With somebody who comes to have the lock after its holder.
class HeirTest : public ScenarioTest {
 protected:
  using ScenarioTest::ScenarioTest;

  /// Waits for the lock, from some instant in the first seconds on, and keeps it for `how_long`.
  void spawn_heir(const std::vector<int>& nodes, Duration how_long = std::chrono::minutes(1)) {
    spawn("heir", nodes, [this, how_long](Process& process) {
      using std::chrono::milliseconds;
      process.sleep(process.random().between(Duration(milliseconds(500)), Duration(milliseconds(2900))));
      const auto hold = acquire(process);
      ASSERT_TRUE(hold) << hold.error().describe();
      granted_at_ = elapsed();
      EXPECT_GT(hold->fencing_token(), token_);
      EXPECT_TRUE(archive_.take(hold->fencing_token()));
      process.sleep(how_long);
      EXPECT_TRUE(hold->is_held());
    });
  }

  Archive archive_;
  std::uint64_t token_ = 0;   ///< The holder's.
  Duration granted_at_ = {};  ///< To the heir.
};

/// A duration between two, both inclusive.
MATCHER_P2(IsBetween, least, most, "is from " + describe_time(least) + " to " + describe_time(most)) {
  *result_listener << "which is " << describe_time(arg);
  return arg >= least && arg <= most;
}

}  // namespace deimos::testkit
