#include <deimos/testkit/lock_client.h>

#include <utility>

namespace deimos::testkit {
namespace {

class HeldByHold final : public HeldLock {
 public:
  explicit HeldByHold(Hold hold) : hold_(std::move(hold)) {}
  [[nodiscard]] std::uint64_t fencing_token() const override { return hold_.fencing_token(); }
  [[nodiscard]] std::stop_token lost() const override { return hold_.lost(); }
  [[nodiscard]] bool is_held() const override { return hold_.is_held(); }
  [[nodiscard]] TimePoint expires_at() const override { return hold_.expires_at(); }
  Result<void> renew() override { return hold_.renew(); }
  Result<Release> release() override { return hold_.release(); }

 private:
  Hold hold_;
};

class ManagedLocks final : public LockClient {
 public:
  ManagedLocks(std::unique_ptr<LockManager> manager, const MutexOptions& options)
      : manager_(std::move(manager)), options_(options) {}

  Result<std::unique_ptr<HeldLock>> acquire(const std::string& name, const AcquireOptions& options,
                                            std::stop_token stop) override {
    const Mutex mutex = manager_->mutex(name, options_);
    Result<Hold> hold = mutex.acquire(options, std::move(stop));
    if (!hold) return tl::unexpected<Error>(std::move(hold.error()));
    return std::make_unique<HeldByHold>(std::move(*hold));
  }
  void close() noexcept override { manager_->close(); }

 private:
  std::unique_ptr<LockManager> manager_;
  MutexOptions options_;
};

}  // namespace

std::unique_ptr<LockClient> make_lock_client(std::unique_ptr<LockManager> manager, const MutexOptions& options) {
  return std::make_unique<ManagedLocks>(std::move(manager), options);
}

}  // namespace deimos::testkit
