#include <deimos/version.h>

namespace deimos {

std::string_view version() noexcept { return DEIMOS_VERSION; }

}  // namespace deimos
