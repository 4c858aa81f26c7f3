// A service "db" and its caller "a" in a simulation.
#pragma once

#include <deimos/testkit/service.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <deimos/testkit/simulation.h>

namespace deimos::testkit {

using namespace std::chrono_literals;

class ServiceTest : public ::testing::Test {
 protected:
  /// Answers each call after `work` with `<request>!`.
  void spawn_server(Duration work = 0s) {
    simulation.spawn("db", [this, work](Process& process) {
      const Service service = process.serve("db", [&](const ServiceCall& call) -> Result<std::string> {
        handled.push_back(call.from + " " + call.request);
        if (work > 0s) process.sleep(work);
        return call.request + "!";
      });
      process.stand_by();
    });
  }
  /// One call of process "a", one second after the start.
  Result<std::string> call(Duration timeout = 10s, const std::string& service = "db") {
    const auto ask = [this, timeout, service](Process& process) {
      process.sleep(1s);
      latest_answer = process.call(service, "x", timeout);
      answered_at = simulation.elapsed();
    };
    simulation.spawn("a", ask);
    simulation.run();
    return *latest_answer;
  }
  /// The events of calls: `kind subject text`.
  std::vector<std::string> calls() {
    const std::set<std::string> kinds = {"call", "serve", "reply", "answer", "lost", "refused", "broken", "unanswered"};
    std::vector<std::string> lines;
    for (const HistoryEvent& event : simulation.history().events()) {
      if (kinds.contains(event.kind)) lines.push_back(event.kind + " " + event.subject + " " + event.text);
    }
    return lines;
  }
  SimulatedNetwork& network() { return simulation.network(); }

  std::vector<std::string> handled;
  std::optional<Result<std::string>> latest_answer;  ///< A restarted "a" calls once more.
  Duration answered_at = {};
  Simulation simulation{{.seed = 3, .links = {.latency_min = 10ms, .latency_max = 10ms}}};
};

template <typename T>
[[nodiscard]] std::error_code code_of(const Result<T>& result) {
  return result ? std::error_code() : result.error().code;
}

}  // namespace deimos::testkit
