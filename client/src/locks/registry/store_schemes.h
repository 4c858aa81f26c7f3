// How the URLs of each scheme are opened. See lock_registry.h.
#pragma once

#include <deimos/lock_store_scheme.h>

namespace deimos {

[[nodiscard]] Result<OpenedLockStore> open_deimos_store(LockStoreUrl& url);
[[nodiscard]] Result<OpenedLockStore> open_etcd2_store(LockStoreUrl& url);
[[nodiscard]] Result<OpenedLockStore> open_etcd_store(LockStoreUrl& url);

}  // namespace deimos
