// Runs deimos-check as its users do.
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include <gmock/gmock.h>

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* program = DEIMOS_CHECK;

struct Result {
  int status = -1;
  std::string output;  ///< Errors included.
};

Result run(const std::string& arguments) {
  const std::string command = std::string("'") + program + "' " + arguments + " 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  Result result;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.output.append(buffer.data(), size);
  }
  result.status = WEXITSTATUS(::pclose(pipe));
  return result;
}

std::string file(const std::string& name, const std::string& content) {
  std::string path = ::testing::TempDir() + name;
  std::ofstream(path) << content;
  return path;
}

const std::string write_and_read =
    "{\"process\":1,\"type\":\"invoke\",\"op\":\"write\",\"key\":\"x\",\"value\":\"a\",\"time\":1}\n"
    "{\"process\":1,\"type\":\"ok\",\"op\":\"write\",\"key\":\"x\",\"value\":\"a\",\"time\":2}\n"
    "{\"process\":1,\"type\":\"invoke\",\"op\":\"read\",\"key\":\"x\",\"value\":null,\"time\":3}\n";
const std::string good = write_and_read + R"({"process":1,"type":"ok","op":"read","key":"x","value":"a","time":4})";
const std::string bad = write_and_read + R"({"process":1,"type":"ok","op":"read","key":"x","value":null,"time":4})";

TEST(DeimosCheck, SaysWhichHistoryIsLinearizable) {
  const Result result = run("'" + file("good.jsonl", good) + "'");
  EXPECT_EQ(result.status, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("good.jsonl: linearizable: 2 operations"));
}

TEST(DeimosCheck, ShowsTheOperationThatDoesNotFit) {
  const Result result = run("'" + file("good.jsonl", good) + "' '" + file("bad.jsonl", bad) + "'");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, AllOf(HasSubstr("bad.jsonl: not linearizable: key x"), HasSubstr("read x = nothing")));
}

TEST(DeimosCheck, ReadsStandardInput) {
  const Result result = run("- < '" + file("bad.jsonl", bad) + "'");
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.output, HasSubstr("-: not linearizable"));
}

TEST(DeimosCheck, NamesFileAndLineOfWhatItCannotRead) {
  const Result result = run("'" + file("cut.jsonl", write_and_read + "{\"process\":1,") + "' /no/such/file");
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.output, AllOf(HasSubstr("cut.jsonl:4: "), HasSubstr("/no/such/file: cannot be opened")));
}

TEST(DeimosCheck, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(run("").status, 0);
  EXPECT_THAT(run("--seconds -1 x").output, HasSubstr("--seconds"));
}

}  // namespace
