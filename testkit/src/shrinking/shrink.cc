#include <deimos/testkit/shrink.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace deimos::testkit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Leaves out as many of `items` as it can: first halves, then quarters, … then one by one (Zeller's ddmin). Whether
/// anything was left out.
template <typename Item>
bool drop(std::vector<Item>& items, const std::function<bool()>& fails) {
  bool any = false;
  for (std::size_t length = std::max<std::size_t>(items.size(), 1); length > 0; length /= 2) {
    for (std::size_t begin = 0; begin < items.size();) {
      std::vector<Item> before = items;
      const auto first = items.begin() + static_cast<std::ptrdiff_t>(begin);
      items.erase(first, first + static_cast<std::ptrdiff_t>(std::min(length, items.size() - begin)));
      if (fails()) {
        any = true;
      } else {
        items = std::move(before);
        begin += length;
      }
    }
  }
  return any;
}

/// Sets `value` to another one if it still fails then.
template <typename Value>
bool replace(Value& value, Value other, const std::function<bool()>& fails) {
  if (value == other) return false;
  std::swap(value, other);
  if (fails()) return true;
  std::swap(value, other);
  return false;
}

/// Shorter and rounder.
bool shorten(Duration& duration, const std::function<bool()>& fails) {
  bool any = false;
  while (replace(duration, duration / 2, fails)) any = true;
  any |= replace(duration, Duration(std::chrono::floor<seconds>(duration)), fails) ||
         replace(duration, Duration(std::chrono::floor<milliseconds>(duration) / 100 * 100), fails) ||
         replace(duration, Duration(std::chrono::floor<milliseconds>(duration)), fails);
  return any;
}

class Shrinker {
 public:
  Shrinker(Shrunk& shrunk, const std::function<bool(const FaultPlan&, const LockProgram&)>& fails, int most_tries)
      : shrunk_(shrunk), fails_([this, &fails, most_tries] {
          return shrunk_.tries < most_tries && (++shrunk_.tries, fails(shrunk_.plan, shrunk_.program));
        }) {}

  void run() {
    // What became possible by one reduction may make another possible that was not.
    for (bool reduced = true; reduced;) {
      reduced = leave_out();
      reduced |= make_shorter();
    }
  }

 private:
  bool leave_out() {
    bool any = drop(shrunk_.plan.episodes, fails_);
    for (std::vector<LockStep>& steps : shrunk_.program.processes) any |= drop(steps, fails_);
    // Only from the end: processes are known by their place.
    auto& processes = shrunk_.program.processes;
    while (!processes.empty() && processes.back().empty()) {
      processes.pop_back();
      if (fails_()) {
        any = true;
        continue;
      }
      processes.emplace_back();
      break;
    }
    return any;
  }

  bool make_shorter() {
    bool any = false;
    for (Episode& episode : shrunk_.plan.episodes) {
      any |= shorten(episode.lasts, fails_);
      any |= shorten(episode.at, fails_);
    }
    for (std::vector<LockStep>& steps : shrunk_.program.processes) {
      for (LockStep& step : steps) {
        any |= shorten(step.amount, fails_);
        any |= replace(step.lock, 0, fails_);
        any |= replace(step.other_owner, false, fails_);
      }
    }
    return any;
  }

  Shrunk& shrunk_;
  const std::function<bool()> fails_;
};

}  // namespace

Shrunk shrink(FaultPlan plan, LockProgram program,
              const std::function<bool(const FaultPlan&, const LockProgram&)>& fails, int most_tries) {
  Shrunk shrunk{std::move(plan), std::move(program)};
  Shrinker(shrunk, fails, most_tries).run();
  return shrunk;
}

FaultPlan shrink(FaultPlan plan, const std::function<bool(const FaultPlan&)>& fails, int most_tries) {
  return shrink(
             std::move(plan), {}, [&](const FaultPlan& smaller, const LockProgram&) { return fails(smaller); },
             most_tries)
      .plan;
}

std::int64_t shrink_number(std::int64_t number, std::int64_t least, const std::function<bool(std::int64_t)>& fails) {
  if (number == least) return number;
  if (fails(least)) return least;
  // `low` is known to pass.
  std::int64_t low = least;
  while (number - low > 1) {
    const std::int64_t middle = low + (number - low) / 2;
    (fails(middle) ? number : low) = middle;
  }
  return number;
}

}  // namespace deimos::testkit
