// Which entries a filter means.
#pragma once

#include <string_view>
#include <vector>

#include <deimos/fake/journal.h>

#include "faults/pattern.h"

namespace deimos::fake {

/// A view of the filter, which must outlive it.
class JournalMatch {
 public:
  explicit JournalMatch(const JournalFilter& filter) : filter_(filter), client_(filter.client), key_(filter.key) {}

  [[nodiscard]] bool matches(const JournalEntry& entry) const;
  /// The fields, `since` aside, in which `entry` is not as asked for.
  [[nodiscard]] std::vector<std::string_view> differences(const JournalEntry& entry) const;

 private:
  const JournalFilter& filter_;
  const Pattern client_;
  const Pattern key_;
};

}  // namespace deimos::fake
