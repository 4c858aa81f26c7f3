// The main job, seen at work: two workers share a lock on a fake node. They hand it over once; then the lease of one
// ends while it works. It is told, and stops; the other goes on with a higher fencing token; and what the first still
// had under way is refused by the resource that the lock guards.
//
//     demo [http://HOST:PORT]     with an endpoint: on that Deimos, instead of a fake node of its own
#include <algorithm>
#include <chrono>
#include <exception>
#include <future>
#include <iostream>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include <deimos/client.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>
#include <deimos/lock_manager.h>

#include "example_node.h"
#include "guarded_report.h"
#include "narrator.h"

namespace {

using namespace std::chrono_literals;

constexpr auto lease = 30s;
constexpr auto renewal = 500ms;  // Often, so that the demo is over soon: a loss is noticed by the next renewal.
constexpr auto patience = 30s;

/// The store, and the means to end a lease there before its time.
class Store {
 public:
  Store(int argc, char** argv) {
    if (argc > 1) {
      url_ = argv[1];
      return;
    }
    // Its clock is moved by hand: a lease of half a minute can end at once.
    fake_.emplace();
    server_.emplace(*fake_);
    url_ = server_->url();
  }

  [[nodiscard]] const std::string& url() const { return url_; }

  void end_lease(deimos::LockManager& administrator, Narrator& narrator) {
    if (fake_) {
      narrator.say("store", "the clock jumps ahead by 31 s: the lease of 30 s is over, as if it had not been renewed");
      fake_->advance(31s);
    } else {
      narrator.say("store", "an administrator takes the lock away");
      administrator.force_unlock("report").value();
    }
  }

 private:
  std::string url_;
  std::optional<deimos::fake::Node> fake_;
  std::optional<deimos::fake::HttpServer> server_;
};

/// Somebody who writes lines of the report under the lock, as a process of its own would.
class Worker {
 public:
  Worker(std::string name, const std::string& url, GuardedReport& report, Narrator& narrator)
      : name_(std::move(name)),
        client_({.endpoints = {url}}),
        locks_(client_, {.prefix = "/demo", .ttl = lease, .renewal_interval = renewal, .owner = name_}),
        report_(report),
        narrator_(narrator) {}

  deimos::Hold acquire() {
    say("asks for the lock");
    deimos::Hold hold = locks_.mutex("report").acquire({.wait = patience}).value();
    say("has the lock, with fencing token " + std::to_string(hold.fencing_token()));
    return hold;
  }

  /// Writes until all lines are written (true) or the lock is lost.
  bool write_lines(const deimos::Hold& hold, int lines) {
    const std::stop_token lost = hold.lost();
    for (int written = 0; written < lines; ++written) {
      if (lost.stop_requested()) {
        say("is told that the lock is lost, and stops");
        return false;
      }
      write(hold.fencing_token(), "line " + std::to_string(++lines_));
      std::this_thread::sleep_for(100ms);
    }
    return true;
  }

  bool write(std::uint64_t token, const std::string& text) {
    const bool taken = report_.write(name_, token, text);
    say("writes '" + text + "' with token " + std::to_string(token) + ": " + (taken ? "taken" : "REFUSED, it is late"));
    return taken;
  }

  void release(deimos::Hold& hold) {
    say("releases the lock");
    if (const auto released = hold.release(); !released) say("could not: " + released.error().describe());
  }

  deimos::LockManager& locks() { return locks_; }
  void say(const std::string& what) { narrator_.say(name_, what); }

 private:
  std::string name_;
  deimos::Client client_;
  deimos::LockManager locks_;
  GuardedReport& report_;
  Narrator& narrator_;
  int lines_ = 0;
};

/// One hands the lock to the other, who waits for it.
void hand_over(Worker& alice, Worker& bob, Narrator& narrator) {
  narrator.title("Two workers, one lock");
  deimos::Hold first = alice.acquire();
  std::future<void> waiting = std::async(std::launch::async, [&] {
    deimos::Hold second = bob.acquire();
    bob.write_lines(second, 2);
    bob.release(second);
  });
  alice.write_lines(first, 3);
  alice.release(first);
  waiting.get();
}

/// The lease of one ends while it works. True if it was told so.
bool lose_lease(Worker& alice, Worker& bob, Store& store, GuardedReport& report, Narrator& narrator) {
  narrator.title("A lease that ends while its holder works");
  deimos::Hold first = alice.acquire();
  std::future<void> waiting = std::async(std::launch::async, [&] {
    deimos::Hold second = bob.acquire();
    bob.write_lines(second, 4);
    bob.release(second);
  });
  alice.write_lines(first, 2);
  store.end_lease(alice.locks(), narrator);

  const bool finished = alice.write_lines(first, static_cast<int>(patience / 100ms));
  alice.say("had a write under way, which arrives only now");
  if (report.wait_for_token_above(first.fencing_token(), patience)) alice.write(first.fencing_token(), "late line");
  waiting.get();
  return !finished;
}

int judge(bool told, const GuardedReport& report, Narrator& narrator) {
  narrator.title("Verdict");
  const auto check = [&](bool holds, const char* what) {
    narrator.say(holds ? "yes" : "NO", what);
    return holds;
  };
  bool good = check(told, "the worker whose lease ended was told through its token");
  const std::vector<GuardedReport::Line> lines = report.lines();
  good &= check(lines.back().writer == "bob", "the other went on with the lock, and finished");
  good &= check(std::ranges::is_sorted(lines, {}, &GuardedReport::Line::token),
                "the report was written by one at a time, each with a higher fencing token");
  good &= check(report.refused() > 0, "what the former holder wrote too late was refused");
  std::cout << (good ? "\nThe lock works.\n" : "\nSomething is wrong: see above.\n");
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  Narrator narrator;
  Store store(argc, argv);
  narrator.say("store", "a Deimos answers at " + store.url());
  GuardedReport report;
  Worker alice("alice", store.url(), report, narrator);
  Worker bob("bob", store.url(), report, narrator);

  hand_over(alice, bob, narrator);
  const bool told = lose_lease(alice, bob, store, report, narrator);
  return judge(told, report, narrator);
} catch (const std::exception& failure) {
  return example::failed(failure);
}
