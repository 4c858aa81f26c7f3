// Real processes that share a lock on a deimos-fake, while they are killed, stopped and continued at any instant.
//
// DEIMOS_SOAK_SECONDS: how long, 8 by default. DEIMOS_SEED=N chooses who is hit and when; what else happens is up to
// the machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <deimos/testkit/random.h>
#include <deimos/testkit/seed.h>

#include "servers/server_process.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

/// A worker, and another when that is killed.
class Worker {
 public:
  Worker(std::string file, const std::vector<std::string>& urls) : words_{DEIMOS_LOCK_WORKER, std::move(file)} {
    words_.insert(words_.end(), urls.begin(), urls.end());
    start();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { end(); }

  void restart() {
    end();
    start();
  }
  void stop(std::chrono::nanoseconds length) {
    kill(process_, SIGSTOP);
    stopped_until_ = std::chrono::steady_clock::now() + length;
  }
  void go_on_if_due() const {
    if (!stands()) kill(process_, SIGCONT);
  }
  [[nodiscard]] bool stands() const { return std::chrono::steady_clock::now() < stopped_until_; }

 private:
  void start() {
    std::vector<char*> arguments;
    for (std::string& word : words_) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int problem = posix_spawn(&process_, arguments[0], nullptr, nullptr, arguments.data(), environ);
    if (problem != 0) throw std::system_error(problem, std::generic_category(), words_[0]);
  }
  void end() const {
    kill(process_, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(process_, &status, 0), process_);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it gave up by itself, with status " << WEXITSTATUS(status);
  }

  std::vector<std::string> words_;
  pid_t process_ = -1;
  std::chrono::steady_clock::time_point stopped_until_;
};

/// What the workers wrote, as a resource sees it that refuses tokens lower than the highest it has seen.
struct Journal {
  explicit Journal(const std::string& file) {
    std::ifstream lines(file);
    std::uint64_t token = 0;
    std::string process;
    std::uint64_t highest = 0;
    while (lines >> token >> process) {
      ++written;
      const auto [owner, is_new] = owners.emplace(token, process);
      if (owner->second != process) ++shared_tokens;
      processes.insert(process);
      if (token < highest) {
        ++refused;
        most_refused = std::max(most_refused, ++refused_of[token]);
      }
      highest = std::max(highest, token);
    }
  }

  int written = 0;
  int refused = 0;
  int most_refused = 0;  ///< Of one holder.
  std::map<std::uint64_t, int> refused_of;
  int shared_tokens = 0;
  std::map<std::uint64_t, std::string> owners;
  std::set<std::string> processes;
};

class LockProcessesTest : public ::testing::Test {
 protected:
  LockProcessesTest() { std::ofstream(file).flush(); }
  void SetUp() override {
    // The nodes listen at ports in a row, of which another program may have one.
    for (int tries = 0; tries < 5; ++tries) {
      const int port = free_port();
      urls.clear();
      for (int node = 0; node < 3; ++node) urls.push_back("http://127.0.0.1:" + std::to_string(port + node));
      store.emplace(
          std::vector<std::string>{DEIMOS_FAKE, "--die-with-parent", "--nodes", "3", "--listen", urls[0].substr(7)},
          urls);
      if (store->wait_until_ready()) return;
    }
    FAIL() << "deimos-fake does not start";
  }
  ~LockProcessesTest() override { std::filesystem::remove(file); }

  static std::chrono::seconds soak_time() {
    const char* const text = std::getenv("DEIMOS_SOAK_SECONDS");
    return text == nullptr ? 8s : std::chrono::seconds(std::stoi(text));
  }

  const std::string file =
      (std::filesystem::temp_directory_path() / ("deimos_guarded_" + std::to_string(getpid()))).string();
  std::vector<std::string> urls;
  std::optional<ServerProcess> store;
};

TEST_F(LockProcessesTest, OnlyAProcessThatWasStoppedWritesLate) {
  const std::uint64_t seed = testkit::seed_from_environment();
  std::cout << "again: " << testkit::replay_command(seed) << std::endl;
  testkit::RandomStream random(seed, "processes");
  const auto end = std::chrono::steady_clock::now() + soak_time();
  int kills = 0;
  int stops = 0;
  {
    std::array<Worker, 3> workers{Worker(file, urls), Worker(file, urls), Worker(file, urls)};
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(random.between(50ms, 300ms));  // NOLINT(sleep)
      for (const Worker& worker : workers) worker.go_on_if_due();
      Worker& worker = workers.at(random.below(workers.size()));
      if (worker.stands()) continue;
      if (random.chance(0.2)) {
        worker.restart();
        ++kills;
        continue;
      }
      // Beyond its lease one at a time, so that another is there to take over.
      const bool one_stands = std::ranges::any_of(workers, &Worker::stands);
      worker.stop(one_stands || random.chance(0.2) ? random.between(1ms, 200ms) : random.between(1500ms, 3s));
      ++stops;
    }
  }
  const Journal journal(file);
  std::cout << kills << " kills, " << stops << " stops, " << journal.owners.size() << " holders, " << journal.written
            << " writes, " << journal.refused << " of them late" << std::endl;
  EXPECT_EQ(journal.shared_tokens, 0);
  // A worker asks whether it holds the lock before each write: if it stands still, one write under way can come late.
  EXPECT_LE(journal.most_refused, 1);
  EXPECT_LE(journal.refused, stops);
  EXPECT_GE(stops, 2);
  EXPECT_GE(kills + stops, 5);
  EXPECT_GE(journal.owners.size(), 5u);
  EXPECT_GE(journal.processes.size(), 2u);
}

}  // namespace
}  // namespace deimos
