// A property in several processes at once.
#pragma once

#include <functional>

#include <deimos/testkit/property.h>

namespace deimos::testkit {

/// run_property() with PropertyOptions::jobs children, each of which has a share of the seeds. If any fails, the lowest
/// failing seed is run here once more and explained. Throws std::system_error if no child can be started.
[[nodiscard]] PropertyResult run_side_by_side(const std::function<void(Scenario&)>& body,
                                              const PropertyOptions& options);

}  // namespace deimos::testkit
