// Asks a real etcd and the fake in its etcd3 dialect the same, and says where a client could tell them apart.
//
//     etcd3_differential                            2,000 random steps from a fresh seed
//     etcd3_differential --seed 7 --steps 50000     those of that seed
//     etcd3_differential --sessions FILE            sessions written by hand (session.h), each with a fresh etcd
#include <CLI/CLI.hpp>
#include <exception>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>

#include "protocol/etcd3/side_by_side.h"

namespace {

using namespace deimos::fake::etcd3;

/// Whether nobody could tell them apart.
bool run(const Session& session) {
  SideBySide both;
  bool same = true;
  for (std::size_t at = 0; at < session.steps.size(); ++at) {
    const std::string found = both.take(session.steps[at]);
    if (found.empty()) continue;
    same = false;
    std::cout << session.name << ", step " << at + 1 << ", " << session.steps[at].text() << found << "\n";
  }
  return same;
}

bool run_all(const std::string& path) {
  std::ifstream file(path);
  const std::vector<Session> sessions = read_sessions(file);
  std::size_t steps = 0;
  bool same = true;
  for (const Session& session : sessions) {
    same = run(session) && same;
    steps += session.steps.size();
  }
  std::cout << sessions.size() << " sessions, " << steps << " steps\n";
  return same && steps > 0;
}

/// Ends at the first difference, after which the stores are no longer the same.
bool run_random(std::uint64_t seed, std::uint64_t steps) {
  const std::string again = "etcd3_differential --seed " + std::to_string(seed) + " --steps " + std::to_string(steps);
  std::cout << "seed " << seed << "; to replay: " << again << std::endl;
  SideBySide both;
  RandomSteps random(seed);
  for (std::uint64_t at = 1; at <= steps; ++at) {
    const Step step = random.next(both.revision(), both.open_streams());
    const std::string found = both.take(step);
    if (found.empty()) continue;
    std::cout << "step " << at << ", revision " << both.revision() << ", " << step.text() << found
              << "\nto replay: " << again << "\n";
    return false;
  }
  std::cout << steps << " steps: " << both.successes() << " successes, " << both.refusals() << " refusals, "
            << both.messages() << " messages of streams\n";
  const auto share = static_cast<int>(steps / 20);
  const bool exercised = both.successes() > 8 * share && both.refusals() > share && both.messages() > 4 * share;
  if (!exercised) std::cout << "that exercises too little\n";
  return exercised;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Compares the fake's etcd3 dialect with a real etcd, step by step.", "etcd3_differential");
  std::optional<std::uint64_t> seed;
  std::uint64_t steps = 2000;
  std::string sessions;
  app.add_option("--seed", seed, "of the random steps (default: a fresh one)");
  app.add_option("--steps", steps, "how many random steps")->capture_default_str();
  app.add_option("--sessions", sessions, "a file of sessions, in place of random steps")->check(CLI::ExistingFile);
  CLI11_PARSE(app, argc, argv);
  try {
    const bool same = sessions.empty() ? run_random(seed ? *seed : std::random_device{}(), steps) : run_all(sessions);
    return same ? 0 : 1;
  } catch (const std::exception& error) {
    std::cout << "etcd3_differential: " << error.what() << "\n";
    return 2;
  }
}
