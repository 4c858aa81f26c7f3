// Entries of the journal, filters and conditions as JSON values: fields are named as in journal.h and condition.h.
#pragma once

#include <string>

#include <deimos/fake/condition.h>
#include <deimos/fake/journal.h>

#include "admin/json_text.h"

namespace deimos::fake {

[[nodiscard]] Json json_of(const JournalEntry& entry);
[[nodiscard]] Json json_of(const Journal& journal);

/// These throw std::invalid_argument, saying what is wrong and where.
[[nodiscard]] JournalFilter journal_filter_of(const Json& json, const std::string& where);
[[nodiscard]] Condition condition_of(const Json& json, const std::string& where);

}  // namespace deimos::fake
