// Stands in for libFuzzer where the compiler has none: runs the target once on each input named on the command line,
// and on each file of a directory, in the order of their names.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> inputs_below(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> inputs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) inputs.push_back(entry.path());
  }
  std::sort(inputs.begin(), inputs.end());
  return inputs;
}

bool replay(const std::filesystem::path& input) {
  std::ifstream file(input, std::ios::binary);
  if (!file) {
    std::cerr << "cannot read " << input << '\n';
    return false;
  }
  // Named before it runs, so that a crash shows its input.
  std::cout << "replay " << input.string() << std::endl;
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t replayed = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& input : inputs_below(argv[i])) {
      if (!replay(input)) return 1;
      ++replayed;
    }
  }
  if (replayed == 0) {
    std::cerr << "no input; usage: " << argv[0] << " FILE-OR-DIRECTORY...\n";
    return 1;
  }
  std::cout << replayed << " inputs replayed\n";
  return 0;
}
