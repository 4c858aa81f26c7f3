#include <deimos/testkit/gtest.h>

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace deimos::testkit {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;

using GTestGlue = SimulationTest;

TEST_F(GTestGlue, GivesATestASimulation) {
  simulation.spawn("sleeper", [](Process& process) { process.sleep(1h); });
  simulation.run();
  EXPECT_EQ(simulation.elapsed(), 1h);
}

TEST_F(GTestGlue, TellsInEachFailureHowToReplayIt) {
  const std::string expected = "DEIMOS_SEED=" + std::to_string(seed());
  EXPECT_THAT(simulation.replay_command(), EndsWith("--gtest_filter=GTestGlue.TellsInEachFailureHowToReplayIt"));
  EXPECT_THAT(simulation.replay_command(), HasSubstr(expected));
  ::testing::TestPartResultArray results;
  {
    const ::testing::ScopedFakeTestPartResultReporter reporter(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &results);
    ADD_FAILURE() << "on purpose";
  }
  ASSERT_EQ(results.size(), 1);
  EXPECT_THAT(results.GetTestPartResult(0).message(), HasSubstr("to replay: " + simulation.replay_command()));
}

/// Also run by the next test, from another path.
TEST(ReplayCommand, IsPrinted) {
  const std::string command = replay_command(7, "--gtest_filter=A.B");
  std::printf("%s\n", command.c_str());
  EXPECT_THAT(command, EndsWith(" --gtest_filter=A.B"));
}

TEST(ReplayCommand, IsQuotedForAShellIfThePathNeedsIt) {
  const std::filesystem::path folder = std::filesystem::path(::testing::TempDir()) / "it's in here";
  std::filesystem::create_directories(folder);
  const std::filesystem::path program = folder / "test program";
  std::filesystem::remove(program);
  std::filesystem::create_symlink(std::filesystem::read_symlink("/proc/self/exe"), program);
  const std::string command = "\"" + program.string() + "\" --gtest_filter=ReplayCommand.IsPrinted";
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::string output(4096, '\0');
  output.resize(std::fread(output.data(), 1, output.size(), pipe));
  EXPECT_EQ(::pclose(pipe), 0);
  const std::string expected =
      "DEIMOS_SEED=7 '" + (std::filesystem::path(::testing::TempDir()) / "it'\\''s in here" / "test program").string() +
      "' --gtest_filter=A.B\n";
  EXPECT_THAT(output, HasSubstr(expected));
}

class SeedVariable : public ::testing::Test {
 protected:
  SeedVariable() {
    if (const char* const value = std::getenv(seed_variable)) before_ = value;
  }
  ~SeedVariable() override { before_.empty() ? ::unsetenv(seed_variable) : set(before_.c_str()); }
  static int set(const char* value) { return ::setenv(seed_variable, value, 1); }

 private:
  std::string before_;
};

TEST_F(SeedVariable, IsReadAsADecimalOrHexadecimalNumber) {
  set("42");
  EXPECT_EQ(seed_from_environment(), 42u);
  set("0xFFffFFffFFffFFff");
  EXPECT_EQ(seed_from_environment(), UINT64_MAX);
}

TEST_F(SeedVariable, IsRefusedIfItIsNoNumber) {
  for (const char* wrong : {"x", "12x", "0x", "-1", "18446744073709551616"}) {
    set(wrong);
    EXPECT_THROW(static_cast<void>(seed_from_environment()), std::invalid_argument) << wrong;
  }
}

TEST_F(SeedVariable, MayBeLeftOut) {
  ::unsetenv(seed_variable);
  EXPECT_NE(seed_from_environment(), seed_from_environment());
}

}  // namespace
}  // namespace deimos::testkit
