#include <deimos/internal/assert.h>

#include <cstdio>
#include <cstdlib>

namespace deimos::internal {

void assertion_failed(const char* condition, const char* why, std::source_location where) noexcept {
  std::fprintf(stderr, "%s:%u: %s: assertion failed: %s (%s)\n", where.file_name(), static_cast<unsigned>(where.line()),
               where.function_name(), condition, why);
  std::abort();
}

}  // namespace deimos::internal
