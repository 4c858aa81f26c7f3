// What is still to happen, in order of its instant; at one instant, in the order in which it was put in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include <deimos/fake/clock.h>

namespace deimos::fake {

class TimedEvents {
 public:
  using Happening = std::function<void()>;
  /// Names an event; a default one names none.
  struct Id {
    Instant at{};
    std::uint64_t number = 0;
    explicit operator bool() const noexcept { return number != 0; }
    auto operator<=>(const Id&) const = default;
  };

  Id add(Instant at, Happening happening) {
    const Id id{at, ++last_};
    events_.emplace(id, std::move(happening));
    return id;
  }
  /// Returns whether it was still to come; `id` names none afterwards.
  bool cancel(Id& id) { return events_.erase(std::exchange(id, {})) != 0; }
  /// Instant::max() if there is none.
  [[nodiscard]] Instant next() const noexcept { return events_.empty() ? Instant::max() : events_.begin()->first.at; }
  /// Takes the first out, which must exist.
  Happening take() {
    Happening first = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    return first;
  }
  void clear() { events_.clear(); }

 private:
  std::map<Id, Happening> events_;
  std::uint64_t last_ = 0;
};

}  // namespace deimos::fake
