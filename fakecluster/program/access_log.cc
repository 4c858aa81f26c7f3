#include "access_log.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <climits>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/internal/one_line.h>

namespace deimos::fake {
namespace {

// A line that fits into a pipe at once is written whole or not at all.
constexpr std::size_t longest_target = PIPE_BUF - 600;
constexpr std::size_t longest_name = 100;

std::string word(const std::string& text, std::size_t most = longest_name) {
  return text.empty() ? "-" : internal::one_line(text.substr(0, most)).substr(0, most);
}

std::string time_text(Instant instant) {
  using std::chrono::milliseconds;
  const auto whole = std::chrono::floor<std::chrono::seconds>(instant);
  const std::time_t time = whole.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%FT%T", &parts);
  std::array<char, 48> with_part{};
  const auto part = std::chrono::floor<milliseconds>(instant - whole).count();
  std::snprintf(with_part.data(), with_part.size(), "%s.%03dZ", text.data(), static_cast<int>(part));
  return with_part.data();
}

std::string duration_ms(std::chrono::nanoseconds duration) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3fms", std::chrono::duration<double, std::milli>(duration).count());
  return text.data();
}

std::string status_text(int status) { return status == 0 ? "-" : std::to_string(status); }

std::string line_of(const JournalEntry& entry, const std::string& node) {
  const std::string target = entry.path + (entry.query.empty() ? "" : "?" + entry.query);
  std::string line = time_text(entry.at + entry.duration) + " " + node + " " + word(entry.client) + " " +
                     word(entry.method) + " " + word(target, longest_target) + " " + status_text(entry.status) + " " +
                     duration_ms(entry.duration);
  if (entry.outcome != JournalEntry::Outcome::answered) line.append(" ").append(to_string(entry.outcome));
  if (entry.rule != 0) {
    line += " rule " + (entry.rule_name.empty() ? std::to_string(entry.rule) : "'" + word(entry.rule_name) + "'") +
            " " + entry.action;
  }
  return line + "\n";
}

/// False if it would have to wait.
bool try_write(std::string_view line) {
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&writable, 1, 0) == 0) return false;
  return ::write(STDERR_FILENO, line.data(), line.size()) >= 0;
}

}  // namespace

void AccessLog::name_nodes(std::vector<std::string> nodes) {
  const internal::LocalMutexLock lock(mutex_);
  nodes_ = std::move(nodes);
}

void AccessLog::write(const JournalEntry& entry) {
  const internal::LocalMutexLock lock(mutex_);
  write_line(line_of(entry, entry.node <= nodes_.size() ? word(nodes_[entry.node - 1]) : "-"));
}

void AccessLog::write(const HttpAccess& access, Instant now) {
  if (!access.method.empty()) return;
  const internal::LocalMutexLock lock(mutex_);
  write_line(time_text(now) + " - - - - " + status_text(access.status) + " " + duration_ms(access.duration) + "\n");
}

void AccessLog::write_line(const std::string& line) {
  if (left_out_ > 0 && try_write("(" + std::to_string(left_out_) + " lines left out)\n")) left_out_ = 0;
  if (left_out_ > 0 || !try_write(line)) ++left_out_;
}

}  // namespace deimos::fake
