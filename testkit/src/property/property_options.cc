#include <charconv>
#include <cstdlib>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string_view>

#include <deimos/testkit/property.h>
#include <deimos/testkit/seed.h>

namespace deimos::testkit {
namespace {

std::uint64_t number_of(const std::string& name, const std::string& text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument(name + "=" + text + " is no 64-bit number");
  }
  if (number < least || number > most) {
    throw std::invalid_argument(name + "=" + text + " must be from " + std::to_string(least) + " to " +
                                std::to_string(most));
  }
  return number;
}

struct Setting {
  std::string_view name;  // `DEIMOS_RUNS`, `--deimos_runs`
  std::function<void(PropertyOptions&, const std::string& name, const std::string& text)> set;
};

const std::vector<Setting>& settings() {
  static constexpr std::uint64_t any = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t longest = 366ULL * 24 * 3600;
  static const std::vector<Setting> all{
      {"seed", [](auto& o, auto& name, auto& text) { o.only_seed = number_of(name, text, 0, any); }},
      {"runs", [](auto& o, auto& name, auto& text) { o.runs = number_of(name, text, 0, any); }},
      {"first_seed", [](auto& o, auto& name, auto& text) { o.first_seed = number_of(name, text, 0, any); }},
      {"time_budget", [](auto& o, auto& name,
                         auto& text) { o.time_budget = std::chrono::seconds(number_of(name, text, 0, longest)); }},
      {"shards", [](auto& o, auto& name, auto& text) { o.shards = number_of(name, text, 1, 1'000'000); }},
      {"shard", [](auto& o, auto& name, auto& text) { o.shard = number_of(name, text, 0, 999'999); }},
      {"jobs", [](auto& o, auto& name, auto& text) { o.jobs = static_cast<unsigned>(number_of(name, text, 1, 1000)); }},
      {"history_lines", [](auto& o, auto& name, auto& text) { o.history_lines = number_of(name, text, 0, 100'000); }},
      {"timeline", [](auto& o, auto& /*name*/, auto& text) { o.timeline_path = text; }},
  };
  return all;
}

std::string variable_of(std::string_view name) {
  std::string variable = "DEIMOS_";
  for (const char c : name) variable += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return variable;
}

}  // namespace

PropertyOptions PropertyOptions::from_environment(PropertyOptions options) {
  for (const Setting& setting : settings()) {
    const std::string variable = variable_of(setting.name);
    const char* const text = std::getenv(variable.c_str());
    if (text == nullptr || *text == '\0') continue;
    if (variable == seed_variable) {
      options.only_seed = seed_from_environment();
    } else {
      setting.set(options, variable, text);
    }
  }
  return options;
}

PropertyOptions PropertyOptions::from_arguments(const std::vector<std::string>& arguments, PropertyOptions options) {
  constexpr std::string_view prefix = "--deimos_";
  for (const std::string& argument : arguments) {
    if (!argument.starts_with(prefix)) continue;
    const std::size_t equals = argument.find('=');
    const std::string name = argument.substr(prefix.size(), equals - prefix.size());
    const Setting* found = nullptr;
    std::string known;
    for (const Setting& setting : settings()) {
      if (setting.name == name) found = &setting;
      known.append(" ").append(prefix).append(setting.name);
    }
    if (found == nullptr || equals == std::string::npos) {
      throw std::invalid_argument(std::string(argument).append(" is unknown or has no value; known are").append(known));
    }
    found->set(options, argument.substr(0, equals), argument.substr(equals + 1));
  }
  return options;
}

}  // namespace deimos::testkit
