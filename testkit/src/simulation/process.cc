#include <deimos/testkit/process.h>

#include <utility>

#include <deimos/etcd_backend.h>
#include <deimos/internal/broken_rule.h>

namespace deimos::testkit {
namespace {

class StandingBy final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "calls, standing by"; }
};

}  // namespace

Process::Process(Scheduler& scheduler, SimulatedNetwork& network, Machine& machine, std::string name, int life,
                 ProcessOptions options, std::uint64_t seed)
    : scheduler_(scheduler),
      network_(network),
      machine_(machine),
      name_(std::move(name)),
      life_(life),
      options_(std::move(options)),
      group_(scheduler.add_group(name_)),
      runtime_(std::make_shared<VirtualRuntime>(
          scheduler, group_, options_.clock,
          RandomStream(mix(seed + static_cast<std::uint64_t>(life)), "runtime of " + name_))),
      random_(mix(seed + static_cast<std::uint64_t>(life)), "choices of " + name_) {}

Process::~Process() { close(); }

void Process::sleep(Duration duration) {
  scheduler_.throw_if_killed();
  runtime_->sleep_for(duration);
  scheduler_.throw_if_killed();
}

Client& Process::client() {
  scheduler_.throw_if_killed();
  if (!client_) {
    ClientOptions options = options_.client;
    options.runtime = runtime_;
    options.transport = network_.make_transport(name_, *runtime_);
    client_ = std::make_unique<Client>(std::move(options));
  }
  return *client_;
}

LockManager& Process::locks() {
  scheduler_.throw_if_killed();
  if (!locks_) {
    LockOptions options = options_.locks;
    if (options.owner.empty()) options.owner = name_;
    locks_ = make_locks(std::move(options));
  }
  return *locks_;
}

std::unique_ptr<LockManager> Process::make_locks(LockOptions options) {
  scheduler_.throw_if_killed();
  if (!options_.locks_in_etcd) return std::make_unique<LockManager>(client(), std::move(options));
  EtcdOptions etcd;
  etcd.endpoints = options_.client.endpoints;
  etcd.observer = options_.client.observer;
  etcd.runtime = runtime_;
  etcd.transport = network_.make_transport(name_, *runtime_);
  return std::make_unique<LockManager>(std::make_shared<EtcdBackend>(std::move(etcd)), runtime_, std::move(options));
}

void Process::note(std::string_view text) {
  scheduler_.throw_if_killed();
  scheduler_.history().record(scheduler_.elapsed(), "note", name_, text);
}

Service Process::serve(const std::string& service, ServiceHandler handler) {
  scheduler_.throw_if_killed();
  return network_.serve(name_, group_, service, std::move(handler));
}

Result<std::string> Process::call(const std::string& service, std::string request, Duration timeout,
                                  const std::stop_token& stop) {
  scheduler_.throw_if_killed();
  if (timeout <= Duration::zero()) {
    return fail(errc::invalid_argument, internal::broken_rule("timeout must be positive", timeout));
  }
  Result<std::string> answer =
      network_.call({name_, service, std::move(request)}, *runtime_, saturating_add(runtime_->now(), timeout), stop);
  scheduler_.throw_if_killed();
  return answer;
}

void Process::stand_by() {
  scheduler_.throw_if_killed();
  scheduler_.into_background();
  const StandingBy target;
  for (;;) {
    scheduler_.park(TimePoint::max(), target);
    scheduler_.throw_if_killed();
  }
}

void Process::close() noexcept {
  locks_.reset();
  client_.reset();
}

}  // namespace deimos::testkit
