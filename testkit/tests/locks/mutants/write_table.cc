// testkit_mutants_table: looks for every mutant, prints how each is found, and writes the table into README.md.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "mutants/table.h"

namespace {

using namespace deimos::testkit;
using mutants::Mutant;

struct Arguments {
  SchedulingPolicy policy = LockRun().policy;
  mutants::Seeds seeds;
  std::uint64_t real = 0;  ///< At least so many runs of the real client in each kind of run.
  std::string only;
  std::string page;
};

/// What is known of all mutants so far.
struct Sum {
  std::vector<std::string> lines;
  std::vector<std::uint64_t> runs;
  std::set<std::pair<mutants::Weather, bool>> passed;  ///< By the real client; fair or not.
  int wrong = 0;  ///< Mutants not found, or found in runs that the real client does not pass.
};

void look_for(const Mutant& mutant, const Arguments& arguments, Sum& sum) {
  const auto begin = std::chrono::steady_clock::now();
  auto found = mutants::find(mutant, arguments.seeds, arguments.policy);
  sum.runs.push_back(found ? found->runs : arguments.seeds.count + 1);
  const bool again = !sum.passed.insert({mutant.weather, mutant.ground == mutants::Ground::queue}).second;
  const std::uint64_t real = std::max(found ? found->runs : 0, again ? 0 : arguments.real);
  const std::string wrong =
      mutants::wrong_with_the_real_client(mutant, {arguments.seeds.first, real}, arguments.policy);
  if (!wrong.empty()) std::printf("THE REAL CLIENT FAILS\n%s\n", wrong.c_str());
  if (found) {
    if (!arguments.page.empty()) mutants::make_small(mutant, *found, arguments.policy);
    sum.lines.push_back(mutants::line_of(mutant, *found));
  }
  sum.wrong += found && wrong.empty() ? 0 : 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%-4s %-30s %8s %4llu runs%s, %2zu faults, %3zu steps, %5.1f s\n", mutant.id.c_str(), mutant.name.c_str(),
              mutants::oracle_of(mutant.found_by).c_str(), static_cast<unsigned long long>(sum.runs.back()),
              found ? "" : " (not found)", found ? found->faults : 0, found ? found->steps : 0, took.count());
  std::fflush(stdout);
}

void summarise(Sum& sum) {
  std::ranges::sort(sum.runs);
  std::uint64_t all = 0;
  for (const std::uint64_t runs : sum.runs) all += runs;
  std::printf("%zu mutants, %d missed or in runs that the real client fails; runs: median %llu, most %llu, sum %llu\n",
              sum.runs.size(), sum.wrong, static_cast<unsigned long long>(sum.runs[sum.runs.size() / 2]),
              static_cast<unsigned long long>(sum.runs.back()), static_cast<unsigned long long>(all));
}

void write(const std::string& path, const std::vector<std::string>& lines) {
  std::stringstream page;
  page << std::ifstream(path).rdbuf();
  const std::string written = mutants::with_table(page.str(), lines);
  std::ofstream(path) << written;
}

}  // namespace

int main(int count, char** given) {
  Arguments arguments;
  CLI::App app{"Looks for broken lock clients"};
  const std::map<std::string, SchedulingPolicy::Kind> kinds{{"in_order", SchedulingPolicy::Kind::in_order},
                                                            {"random", SchedulingPolicy::Kind::random},
                                                            {"pct", SchedulingPolicy::Kind::pct}};
  app.add_option("--policy", arguments.policy.kind, "in_order, random or pct")
      ->transform(CLI::CheckedTransformer(kinds));
  app.add_option("--depth", arguments.policy.depth, "of pct");
  app.add_option("--steps", arguments.policy.steps, "of pct");
  app.add_option("--first", arguments.seeds.first, "the first seed");
  app.add_option("--real", arguments.real, "at least so many runs of the real client in each kind of run");
  app.add_option("--only", arguments.only, "those whose id begins so");
  app.add_option("page", arguments.page, "README.md, to write the table into");
  CLI11_PARSE(app, count, given);
  Sum sum;
  for (const Mutant& mutant : mutants::catalogue()) {
    if (mutant.id.starts_with(arguments.only)) look_for(mutant, arguments, sum);
  }
  if (sum.runs.empty()) {
    std::fprintf(stderr, "no mutant's id begins with %s\n", arguments.only.c_str());
    return 2;
  }
  summarise(sum);
  if (sum.wrong > 0) return 1;
  if (!arguments.page.empty() && arguments.only.empty()) write(arguments.page, sum.lines);
  return 0;
}
