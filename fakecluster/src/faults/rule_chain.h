// The rules in force, and which of them decides on a request.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/fake/rule.h>
#include <deimos/internal/random_stream.h>

#include "faults/seen_request.h"

namespace deimos::fake {

class RuleChain {
 public:
  struct Decision {
    RuleId rule = 0;
    std::string name;
    RuleAction action;
    bool releases = false;  ///< This request passes, and lets the one held by `rule` (a Reorder) go after it.
  };

  explicit RuleChain(std::uint64_t seed) noexcept;

  RuleId add(Rule rule);
  /// Returns the ids of those that were there.
  std::vector<RuleId> remove(RuleId rule);
  std::vector<RuleId> remove_named(std::string_view name);
  [[nodiscard]] bool empty() const noexcept { return chain_.empty(); }
  [[nodiscard]] std::vector<RuleStatus> status() const;

  /// Counts the request, and says what becomes of it; nothing if no rule acts.
  std::optional<Decision> decide(const SeenRequest& seen);
  /// A Reorder rule holds nothing any more.
  void released(RuleId rule);

 private:
  struct Link {
    RuleStatus status;
    bool holding = false;
  };

  std::vector<Link> chain_;
  RuleId last_ = 0;
  internal::RandomStream random_;
};

}  // namespace deimos::fake
