// Instants as Deimos writes them: RFC 3339 in UTC, with as many digits of the second's fraction as it takes.
#pragma once

#include <string>

#include <deimos/fake/clock.h>

namespace deimos::fake {

void append_instant(std::string& out, Instant instant);
[[nodiscard]] std::string instant_text(Instant instant);

}  // namespace deimos::fake
