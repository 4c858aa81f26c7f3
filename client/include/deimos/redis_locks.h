// URLs `redis://…` for a LockRegistry.
#pragma once

#include <deimos/internal/export.h>
#include <deimos/lock_registry.h>

namespace deimos {

/// From now on `registry` opens `redis://[USER[:PASSWORD]@]HOST[:PORT][,…][/PREFIX]`, and refuses `rediss://` with the
/// reason. A database is an option (`?database=3`), since the path is the prefix of the locks.
DEIMOS_EXPORT void add_redis(LockRegistry& registry);

}  // namespace deimos
