#include <deimos/lock_backend.h>

namespace deimos {
namespace {

tl::unexpected<Error> no_queues() {
  return fail(errc::invalid_argument, "this store keeps no queues: only a Mutex that is not fair can be kept in it");
}

}  // namespace

Result<LockRecord> LockBackend::enqueue(const std::string& /*queue*/, const std::string& /*token*/,
                                        std::chrono::seconds /*ttl*/, const Deadline& /*until*/) {
  return no_queues();
}

Result<Listing> LockBackend::places(const std::string& /*queue*/, const Deadline& /*until*/) { return no_queues(); }

Result<std::optional<Change>> LockBackend::wait_for_any_change(const std::string& /*queue*/,
                                                               std::uint64_t /*from_revision*/,
                                                               const Deadline& /*until*/) {
  return no_queues();
}

Result<void> LockBackend::set_permanent(const std::string& /*key*/, const std::string& /*text*/,
                                        const std::optional<LockRecord>& /*shown*/, const Deadline& /*until*/) {
  return no_queues();
}

}  // namespace deimos
