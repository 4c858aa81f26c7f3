// Stored data as a JSON value.
#pragma once

#include <deimos/fake/data.h>

#include "admin/json_text.h"

namespace deimos::fake {

/// Throws std::invalid_argument, saying what is wrong and where.
[[nodiscard]] Data data_of(const Json& json);

}  // namespace deimos::fake
