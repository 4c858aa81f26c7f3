#include <deimos/testkit/seed.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include <deimos/testkit/random.h>

namespace deimos::testkit {
namespace {

std::string program_name() {
  std::ifstream command_line("/proc/self/cmdline", std::ios::binary);
  std::string name;
  std::getline(command_line, name, '\0');
  return name.empty() ? "PROGRAM" : name;
}

}  // namespace

std::uint64_t seed_from_environment() {
  const char* const value = std::getenv(seed_variable);
  if (value == nullptr || *value == '\0') return fresh_seed();
  std::string_view digits = value;
  int base = 10;
  if (digits.starts_with("0x") || digits.starts_with("0X")) {
    digits.remove_prefix(2);
    base = 16;
  }
  std::uint64_t seed = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seed, base);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    throw std::invalid_argument(std::string(seed_variable) + "=" + value + ": must be a 64-bit number");
  }
  return seed;
}

namespace {

/// `word` as a shell reads it back.
std::string quoted(const std::string& word) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:=@%,";
  if (word.find_first_not_of(plain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string replay_command(std::uint64_t seed, std::string_view arguments) {
  std::string command = std::string(seed_variable) + "=" + std::to_string(seed) + " " + quoted(program_name());
  if (!arguments.empty()) command.append(" ").append(arguments);
  return command;
}

}  // namespace deimos::testkit
