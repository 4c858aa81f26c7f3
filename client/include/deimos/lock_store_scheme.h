// How a LockRegistry opens the URLs of one scheme.
#pragma once

#include <functional>
#include <memory>

#include <deimos/error.h>
#include <deimos/lock_backend.h>
#include <deimos/lock_store_url.h>
#include <deimos/runtime.h>

namespace deimos {

/// What a LockManager stands on.
struct OpenedLockStore {
  std::shared_ptr<LockBackend> backend;
  std::shared_ptr<Runtime> runtime;
};
/// Takes the options that it knows; the registry refuses the rest. Uses no network.
using OpenLockStore = std::function<Result<OpenedLockStore>(LockStoreUrl& url)>;

}  // namespace deimos
