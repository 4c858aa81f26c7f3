#include "property/side_by_side.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <sstream>
#include <system_error>
#include <vector>

namespace deimos::testkit {
namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

// What a child tells: a line for each thing, its kind first.

std::string told(const PropertyResult& result) {
  std::ostringstream text;
  text << "runs " << result.runs << "\n";
  for (const auto& [what, count] : result.exercised) text << "count " << count << " " << what << "\n";
  for (const std::string& what : result.expected) text << "expect " << what << "\n";
  for (const Duration instant : result.fixed_instants) text << "fixed " << instant.count() << "\n";
  if (!result.draws_nothing) text << "draws\n";
  if (result.failing_seed) text << "fails " << *result.failing_seed << "\n";
  text << "end\n";
  return text.str();
}

std::string rest_of(std::istringstream& line) {
  std::string rest;
  std::getline(line >> std::ws, rest);
  return rest;
}

/// Adds what a child told, the first of all or another; false if it did not come to its end.
bool add(PropertyResult& result, const std::string& text, bool first) {
  std::istringstream lines(text);
  std::set<Duration> fixed;
  for (std::string one; std::getline(lines, one);) {
    std::istringstream line(one);
    std::string kind;
    std::uint64_t number = 0;
    line >> kind;
    if (kind == "end") {
      if (first) result.fixed_instants = fixed;
      std::erase_if(result.fixed_instants, [&](Duration instant) { return !fixed.contains(instant); });
      return true;
    }
    if (kind == "runs" && line >> number) result.runs += number;
    if (kind == "count" && line >> number) result.exercised[rest_of(line)] += number;
    if (kind == "expect") result.expected.insert(rest_of(line));
    if (kind == "fixed" && line >> number) fixed.insert(Duration(static_cast<Duration::rep>(number)));
    if (kind == "draws") result.draws_nothing = false;
    if (kind == "fails" && line >> number) {
      if (!result.failing_seed || number < *result.failing_seed) result.failing_seed = number;
    }
  }
  return false;
}

/// A child with its share of the seeds.
class Child {
 public:
  Child(const std::function<void(Scenario&)>& body, PropertyOptions options) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) fail("pipe");
    std::fflush(nullptr);  // Or the child would print it again.
    process_ = ::fork();
    if (process_ < 0) fail("fork");
    if (process_ == 0) {
      ::close(ends[0]);
      live(body, options, ends[1]);
    }
    ::close(ends[1]);
    from_ = ends[0];
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    ::close(from_);
    ::waitpid(process_, nullptr, 0);
  }

  /// Everything that it tells; blocks until it has ended.
  std::string listen() const {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
      const ssize_t size = ::read(from_, part.data(), part.size());
      if (size < 0 && errno == EINTR) continue;
      if (size <= 0) return text;
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }

 private:
  [[noreturn]] static void live(const std::function<void(Scenario&)>& body, PropertyOptions& options, int to) {
    try {
      const std::string text = told(run_property(body, options));
      for (std::size_t sent = 0; sent < text.size();) {
        const ssize_t size = ::write(to, text.data() + sent, text.size() - sent);
        if (size < 0 && errno != EINTR) break;
        if (size > 0) sent += static_cast<std::size_t>(size);
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "a process that runs a property: %s\n", error.what());
    }
    std::fflush(nullptr);
    ::_exit(0);
  }

  pid_t process_ = -1;
  int from_ = -1;
};

}  // namespace

PropertyResult run_side_by_side(const std::function<void(Scenario&)>& body, const PropertyOptions& options) {
  std::vector<std::unique_ptr<Child>> children;
  for (unsigned job = 0; job < options.jobs; ++job) {
    PropertyOptions share = options;
    share.jobs = 1;
    share.shards = options.shards * options.jobs;
    share.shard = options.shard + options.shards * job;
    share.shrinking_runs = 0;
    share.timeline_path.clear();
    children.push_back(std::make_unique<Child>(body, share));
  }
  PropertyResult result;
  result.draws_nothing = true;
  bool ended = true;
  for (const auto& child : children) ended &= add(result, child->listen(), child == children.front());
  if (result.failing_seed) {
    PropertyOptions again = options;
    again.only_seed = result.failing_seed;
    PropertyResult explained = run_property(body, again);
    explained.runs = result.runs;
    return explained;
  }
  if (!ended) {
    result.failing_seed = options.first_seed;
    result.failure = "a process that ran a share of the seeds died; without jobs, the seed that does it is printed";
  }
  return result;
}

}  // namespace deimos::testkit
