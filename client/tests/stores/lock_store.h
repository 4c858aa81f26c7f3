// A store for locks, as a test sees it: to connect to, and to do harm to. One class for each kind of store; the suites
// run on all of them.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include <deimos/lock_backend.h>
#include <deimos/runtime.h>

namespace deimos {

/// How one process uses the store.
struct StoreConnection {
  std::shared_ptr<LockBackend> backend;
  std::shared_ptr<Runtime> runtime;
};

class LockStore {
 public:
  virtual ~LockStore() = default;
  /// With connections, and all else, of its own.
  [[nodiscard]] virtual StoreConnection connect() = 0;
  /// At once, without a farewell …
  virtual void kill() = 0;
  /// … and back, with what it had on its disk.
  virtual void restart() = 0;
  /// Takes requests, and answers none until resume().
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Dies and comes back without what it had.
  virtual void lose_memory() = 0;
};

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<LockStore>()> start;
  /// It keeps queues (all kinds of locks), …
  bool has_queues = true;
  /// … a LockStore::lose_memory(), …
  bool can_lose_memory = true;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

/// Those that this program has.
[[nodiscard]] std::vector<StoreKind> store_kinds();

}  // namespace deimos
