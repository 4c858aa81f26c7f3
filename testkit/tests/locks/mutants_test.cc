// Each property bites: lock clients that are broken on purpose (mutants/, named after hazards of distributed locks) are
// found by the one property that is there for each, and the real client passes the same runs.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "locks/lock_run.h"
#include "mutants/breakable_locks.h"
#include "mutants/catalogue.h"
#include "mutants/search.h"
#include "mutants/table.h"

namespace deimos::testkit::mutants {

void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.id << ' ' << mutant.name; }

namespace {

constexpr Seeds seeds{};

constexpr const char* out_of_date =
    "testkit/README.md is out of date: build/dev/bin/testkit_mutants_table testkit/README.md writes it anew";

std::string readme() {
  std::stringstream page;
  page << std::ifstream(DEIMOS_TESTKIT_README).rdbuf();
  return page.str();
}

class MutantTest : public ::testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsFoundByItsPropertyWhichTheRealClientPasses) {
  const Mutant& mutant = GetParam();
  std::optional<Found> found = find(mutant, seeds);
  ASSERT_TRUE(found) << "not found in " << seeds.count << " runs";
  ASSERT_EQ(wrong_with_the_real_client(mutant, {seeds.first, found->runs}), "");
  make_small(mutant, *found);
  const std::string page = readme();
  const auto rows = rows_of(page);
  const auto row = std::ranges::find(rows, mutant.id, &Row::id);
  ASSERT_TRUE(row != rows.end() && describes(page, mutant)) << out_of_date;
  EXPECT_LE(found->runs, row->seeds) << out_of_date;
  EXPECT_LE(found->faults + found->steps, row->size) << out_of_date;
  std::printf("[    FOUND ] by %s after %llu runs, shrunk to %zu faults and %zu steps: %.160s\n",
              oracle_of(mutant.found_by).c_str(), static_cast<unsigned long long>(found->runs), found->faults,
              found->steps, found->what.c_str());
}

INSTANTIATE_TEST_SUITE_P(Hazard, MutantTest, ::testing::ValuesIn(catalogue()),
                         [](const ::testing::TestParamInfo<Mutant>& mutant) {
                           return mutant.param.id + "_" + mutant.param.name;
                         });

TEST(MutantTableTest, HasARowForEachMutantAndKeepsToTheFigures) {
  const auto rows = rows_of(readme());
  ASSERT_EQ(rows.size(), catalogue().size()) << out_of_date;
  std::vector<std::uint64_t> needed;
  std::set<char> groups;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].id, catalogue()[i].id) << out_of_date;
    needed.push_back(rows[i].seeds);
    groups.insert(rows[i].id.front());
  }
  std::ranges::sort(needed);
  EXPECT_LE(needed.back(), 1000u);
  EXPECT_LT(needed[needed.size() / 2], 50u);
  EXPECT_GE(rows.size(), 60u);
  for (char group = 'A'; group <= 'K'; ++group) EXPECT_TRUE(groups.contains(group)) << group;
}

TEST(BreakableClientsTest, PassTheRunsInWhichMutantsOfThemFailIfNothingIsBroken) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    for (const Weather weather : {Weather::rough, Weather::swift}) {
      for (const Ground ground : {Ground::client, Ground::queue}) {
        LockRun run = run_in(weather, seed);
        run.client = client_of(ground, {});
        const LockRunResult result = run_locks(run);
        constexpr unsigned checks = everything & ~unsigned{budget};
        ASSERT_FALSE(result.found(checks)) << describe(run, result, checks);
      }
    }
  }
}

TEST(FailureReportTest, SaysHowToMakeTheRunWhatBecameOfItAndWhatHappenedBefore) {
  LockRun run;
  LockRunResult result;
  for (std::uint64_t seed = 1; !result.found(exclusion); ++seed) {
    ASSERT_LT(seed, 100u);
    run = run_in(Weather::cut, seed);
    run.client = client_of(Ground::client, {Flaw::renewer_dies});
    result = run_locks(run);
  }
  const std::string report = describe(run, result, exclusion);
  for (const std::string part :
       {"seed ", "\np1: ", "\nplan FaultPlan{{\n    {", "\n* mutual exclusion: ", "fault  CutProcess{",
        "\ncluster at +", " leads, term", "\ntasks:\n", "\nlast events of the simulation", "PUT /keys/locks/a"}) {
    EXPECT_THAT(report, ::testing::HasSubstr(part));
  }
}

}  // namespace
}  // namespace deimos::testkit::mutants
