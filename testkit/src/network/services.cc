#include "network/services.h"

#include <optional>
#include <stdexcept>
#include <utility>

namespace deimos::testkit {

Service::Service(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}
Service::Service(Service&&) noexcept = default;

Service::~Service() {
  if (!state_) return;
  state_->services.withdraw(*state_);
  while (!state_->handling.empty()) {
    const std::shared_ptr<Fiber> task = state_->handling.begin()->second;
    state_->services.scheduler.join(task);
  }
}

const std::string& Service::name() const noexcept { return state_->name; }
std::size_t Service::calls() const noexcept { return state_->handling.size(); }

std::shared_ptr<Service::State> Services::serve(const std::string& process, TaskGroup& group, const std::string& name,
                                                ServiceHandler handler) {
  if (name.empty()) throw std::invalid_argument("a service must have a name");
  if (!handler) throw std::invalid_argument("the service " + name + " must have a handler");
  if (const auto other = find(name)) throw std::logic_error(other->process + " serves " + name + " already");
  auto service = std::make_shared<Service::State>(Service::State{*this, name, process, group, std::move(handler)});
  places_.insert_or_assign(name, Place{process, service});
  return service;
}

void Services::withdraw(const Service::State& service) noexcept {
  Place& place = places_.find(service.name)->second;
  if (place.service.lock().get() == &service) place.service.reset();
}

std::shared_ptr<Service::State> Services::find(std::string_view name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return nullptr;
  std::shared_ptr<Service::State> service = found->second.service.lock();
  return service && !scheduler.killed(service->group) ? service : nullptr;
}

/// Sends back what a handler says; or, when it goes without a word, that the connection is broken.
class Services::Reply {
 public:
  Reply(Services& services, std::uint64_t id) : services_(services), id_(id) {}
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() {
    if (!answered_) services_.flights_.at(id_)->broken();
  }
  void answer(Result<std::string> answer) {
    if (services_.scheduler.current_killed()) return;
    answered_ = true;
    services_.flights_.at(id_)->answer(std::move(answer));
  }

 private:
  Services& services_;
  std::uint64_t id_;
  bool answered_ = false;
};

void Services::handle(const std::shared_ptr<Service::State>& service, std::uint64_t id, const ServiceCall& call) {
  const auto reply = std::make_shared<Reply>(*this, id);
  service->handling[id] = scheduler.spawn(
      service->group, "serves " + service->name, Scheduler::Role::background,
      [service, reply, call](std::stop_token) { reply->answer(service->handler(call)); },
      [service, id] { service->handling.erase(id); });
}

/// A call that waits, on the stack of its task.
class Services::Pending final : public CallReceiver, public WaitTarget {
 public:
  Pending(Services& services, SentCall sent)
      : services_(services),
        fiber_(*services.scheduler.current()),
        sent_(std::move(sent)),
        flight_(services.send(sent_, this)) {}
  ~Pending() override {
    const auto flight = services_.flights_.find(flight_);
    if (flight != services_.flights_.end()) flight->second->forsake();
  }
  Pending(const Pending&) = delete;
  Pending& operator=(const Pending&) = delete;

  Result<std::string> wait(const VirtualRuntime& runtime, TimePoint deadline, const std::stop_token& stop);
  void receive(Result<std::string> answer) override {
    answer_ = std::move(answer);
    look();
  }
  void look() noexcept { services_.scheduler.wake(fiber_); }
  [[nodiscard]] std::string describe() const override { return sent_.line("answer of", sent_.to, sent_.call.request); }

 private:
  /// Gives the call up.
  Result<std::string> without_answer(errc code, const std::string& why);

  Services& services_;
  Fiber& fiber_;
  const SentCall sent_;
  const std::uint64_t flight_;
  std::optional<Result<std::string>> answer_;
};

Result<std::string> Services::Pending::wait(const VirtualRuntime& runtime, TimePoint deadline,
                                            const std::stop_token& stop) {
  Scheduler& tasks = services_.scheduler;
  const std::stop_callback wake(stop, [this] { look(); });
  while (!answer_) {
    if (stop.stop_requested()) return without_answer(errc::cancelled, "stopped while the answer was awaited");
    const TimePoint due = runtime.clock().true_time(deadline);  // Again each time: the clock's rate may change.
    if (tasks.current_killed() || tasks.now() >= due) {
      return without_answer(errc::outcome_unknown, "no answer by the deadline");
    }
    tasks.park(due, *this);
  }
  return *std::move(answer_);
}

Result<std::string> Services::Pending::without_answer(errc code, const std::string& why) {
  if (!services_.scheduler.current_killed()) {
    services_.scheduler.history().record(services_.scheduler.elapsed(), "unanswered", sent_.call.from,
                                         sent_.line("by", sent_.to, why));
  }
  Result<std::string> failed = fail(code, why);
  failed.error().endpoint = sent_.to;
  return failed;
}

namespace {

class Unsent final : public WaitTarget {
 public:
  [[nodiscard]] std::string describe() const override { return "a call of a process that was killed"; }
};

}  // namespace

Result<std::string> Services::call(ServiceCall call, VirtualRuntime& runtime, TimePoint deadline,
                                   const std::stop_token& stop) {
  scheduler.check_thread("a call");
  if (scheduler.current() == nullptr) {
    throw std::logic_error("a timer's action must not call a service: spawn a task for it");
  }
  if (stop.stop_requested()) return fail(errc::cancelled, "stopped before the call was sent");
  if (scheduler.current_killed()) {
    static_cast<void>(scheduler.park(deadline, Unsent()));
    return fail(errc::unavailable, "the process was killed");
  }
  const auto place = places_.find(call.service);
  SentCall sent;
  sent.to = place == places_.end() ? std::string() : place->second.process;
  sent.path = links.path(call.from, sent.to);
  sent.number = "#" + std::to_string(++last_call_);
  sent.call = std::move(call);
  return Pending(*this, std::move(sent)).wait(runtime, deadline, stop);
}

std::uint64_t Services::send(SentCall sent, CallReceiver* receiver) {
  const auto record = [&](std::string_view kind) {
    scheduler.history().record(scheduler.elapsed(), kind, sent.call.from, sent.line("to", sent.to, sent.call.request));
  };
  record("call");
  const LinkOptions& options = sent.path.link->options;
  const bool lost = sent.path.cut() || random.chance(options.request_loss);
  sent.doubled = random.chance(options.duplication) && !lost;
  if (lost) {
    record("lost");
    return 0;
  }
  if (sent.doubled) {
    SentCall copy = sent;
    copy.number += "+";
    take_off(std::move(copy), nullptr);
  }
  return take_off(std::move(sent), receiver);
}

std::uint64_t Services::take_off(SentCall sent, CallReceiver* receiver) {
  const std::uint64_t id = ++last_flight_;
  flights_.emplace(id, std::make_unique<ServiceFlight>(*this, id, std::move(sent), receiver));
  return id;
}

}  // namespace deimos::testkit
