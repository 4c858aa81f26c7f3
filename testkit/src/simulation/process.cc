#include <deimos/testkit/process.h>

#include <utility>

namespace deimos::testkit {

Process::Process(Scheduler& scheduler, SimulatedNetwork& network, std::string name, int life, ProcessOptions options,
                 std::uint64_t seed)
    : scheduler_(scheduler),
      network_(network),
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
    locks_ = std::make_unique<LockManager>(client(), std::move(options));
  }
  return *locks_;
}

void Process::note(std::string_view text) {
  scheduler_.throw_if_killed();
  scheduler_.history().record(scheduler_.elapsed(), "note", name_, text);
}

void Process::close() noexcept {
  locks_.reset();
  client_.reset();
}

}  // namespace deimos::testkit
