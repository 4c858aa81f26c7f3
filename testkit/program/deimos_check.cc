// deimos-check: verdicts on recorded histories.
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <deimos/testkit/linearizability.h>

namespace {

using namespace deimos::testkit;
using Answer = Linearizability::Answer;

constexpr int violated_status = 1;
constexpr int unknown_status = 2;
constexpr int unreadable_status = 3;

struct Arguments {
  std::vector<std::string> files;
  double seconds = 60;
  std::uint64_t memory_mib = 512;
};

/// The exit status that this file asks for.
int check(const std::string& file, const Arguments& arguments) {
  std::ifstream opened;
  if (file != "-") opened.open(file);
  std::istream& in = file == "-" ? std::cin : opened;
  if (!in) {
    std::cerr << file << ": cannot be opened\n";
    return unreadable_status;
  }
  const OperationHistory history = OperationHistory::read(in, file);
  const auto begin = std::chrono::steady_clock::now();
  const SearchBudget budget{
      .steps = UINT64_MAX, .memory_bytes = static_cast<std::size_t>(arguments.memory_mib) << 20U, .stop = [&] {
        return std::chrono::steady_clock::now() - begin > std::chrono::duration<double>(arguments.seconds);
      }};
  const Linearizability verdict = check_linearizability(history, budget);
  std::cout << file << ": " << verdict.describe() << std::endl;
  if (verdict.answer == Answer::violated) return violated_status;
  return verdict.answer == Answer::unknown ? unknown_status : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app(
      "Checks histories of reads, writes and swaps (JSON lines; the format is described in operation_history.h) for "
      "linearizability. Exit status: 0 if all are linearizable, 1 if one is not, 2 if one could not be decided, 3 if "
      "one "
      "cannot be read.");
  app.add_option("FILE", arguments.files, "the histories; - is standard input")->required();
  app.add_option("--seconds", arguments.seconds, "most real time for each file")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--memory", arguments.memory_mib, "most memory for the search in each file, in MiB")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20U))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  int status = 0;
  for (const std::string& file : arguments.files) {
    try {
      status = std::max(status, check(file, arguments));
    } catch (const std::exception& error) {
      std::cerr << error.what() << '\n';
      status = unreadable_status;
    }
  }
  return status;
}
