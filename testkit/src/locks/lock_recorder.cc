#include <deimos/testkit/lock_recorder.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

/// What must be heard of for as long as the run lasts, also when nobody holds the lock any more.
struct Alarm {
  explicit Alarm(const std::stop_token& lost, std::function<void()> heard) : callback(lost, std::move(heard)) {}
  std::stop_callback<std::function<void()>> callback;
};

/// A tenure that may not be over.
struct Live {
  std::size_t tenure = 0;
  TaskGroup* group = nullptr;
  VirtualRuntime* runtime = nullptr;
  std::vector<const HeldLock*> holds;  ///< Not released; several after re-entry.
};

}  // namespace

struct LockRecorder::State {
  explicit State(Scheduler& given) : scheduler(given) {}

  [[nodiscard]] Duration now() const { return scheduler.elapsed(); }
  void trace(std::string_view who, std::string text);

  [[nodiscard]] bool believes(const Live& entry) const;
  [[nodiscard]] Live* find_live(const LockOwner& owner, const std::string& lock);
  /// The local deadline of `entry`, in true time.
  [[nodiscard]] static Duration deadline_of(const Live& entry);
  /// What is known of `entry`'s tenure as of now.
  [[nodiscard]] Tenure judged(const Live& entry) const;
  /// Whether a process that crashes now had no time to hear of the end of `tenure`: its deadline is still to come, or
  /// it stood still since.
  [[nodiscard]] bool could_not_be_told(const Tenure& tenure) const;
  void settle(const Live& entry) { history.tenures[entry.tenure] = judged(entry); }
  void forget(std::size_t tenure);

  std::size_t begin_call(LockCall::Kind kind, const LockOwner& owner, const std::string& lock, Duration due);
  LockCall& end_call(std::size_t call, const std::error_code& error);
  std::size_t grant(Process& process, LockCall& call, const HeldLock& hold);
  void heard_of_loss(std::size_t tenure);

  Scheduler& scheduler;
  LockHistory history;
  std::vector<Live> live;
  std::vector<std::unique_ptr<Alarm>> alarms;
};

namespace {

/// A call that is left by the exception that ends a killed task has crashed.
class CrashGuard {
 public:
  CrashGuard(LockRecorder::State& recorder, std::size_t call) : recorder_(recorder), call_(call) {}
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;
  ~CrashGuard() {
    LockCall& call = recorder_.history.calls[call_];
    if (!call.returned && !call.crashed) call.crashed = recorder_.now();
  }

 private:
  LockRecorder::State& recorder_;
  std::size_t call_;
};

}  // namespace

struct RecordedHold::Record {
  std::shared_ptr<LockRecorder::State> recorder;
  std::unique_ptr<HeldLock> hold;
  VirtualRuntime& runtime;
  LockOwner owner;
  std::string lock;
  std::size_t tenure;
  Duration request_timeout;
  bool released = false;

  Result<Release> release();
};

void LockRecorder::State::trace(std::string_view who, std::string text) {
  scheduler.history().record(now(), "lock", who, text);
  history.trace.push_back({now(), std::string(who) + "  " + std::move(text)});
}

bool LockRecorder::State::believes(const Live& entry) const {
  return !entry.holds.empty() && history.tenures[entry.tenure].until == Duration::max() &&
         !scheduler.killed(*entry.group) && entry.holds.front()->is_held();
}

Live* LockRecorder::State::find_live(const LockOwner& owner, const std::string& lock) {
  for (auto entry = live.rbegin(); entry != live.rend(); ++entry) {
    const Tenure& tenure = history.tenures[entry->tenure];
    if (tenure.owner == owner && tenure.lock == lock) return &*entry;
  }
  return nullptr;
}

Duration LockRecorder::State::deadline_of(const Live& entry) {
  const TimePoint local = entry.holds.front()->expires_at();
  if (local == TimePoint::max()) return Duration::max();
  return entry.runtime->clock().true_time(local) - Scheduler::start;
}

Tenure LockRecorder::State::judged(const Live& entry) const {
  Tenure tenure = history.tenures[entry.tenure];
  if (tenure.until != Duration::max() || entry.holds.empty()) return tenure;
  tenure.deadline = deadline_of(entry);
  if (scheduler.killed(*entry.group)) {
    tenure.until = std::min(now(), tenure.deadline);
    tenure.end = could_not_be_told(tenure) ? Tenure::End::crashed : Tenure::End::expired;
    return tenure;
  }
  if (entry.holds.front()->is_held()) return tenure;
  tenure.until = std::min(now(), tenure.deadline);
  tenure.end = Tenure::End::expired;
  if (tenure.announced && *tenure.announced < tenure.until) {
    tenure.until = *tenure.announced;
    tenure.end = Tenure::End::lost;
  }
  return tenure;
}

bool LockRecorder::State::could_not_be_told(const Tenure& tenure) const {
  constexpr Duration time_to_tell = std::chrono::milliseconds(10);
  const Duration awake = history.after_standstill(tenure.owner.process, tenure.deadline);
  return awake >= now() - time_to_tell;
}

void LockRecorder::State::forget(std::size_t tenure) {
  std::erase_if(live, [&](const Live& entry) { return entry.tenure == tenure; });
}

std::size_t LockRecorder::State::begin_call(LockCall::Kind kind, const LockOwner& owner, const std::string& lock,
                                            Duration due) {
  LockCall call;
  call.kind = kind;
  call.owner = owner;
  call.lock = lock;
  call.called = now();
  call.due = due;
  if (const Live* entry = find_live(owner, lock)) {
    call.believed_before = believes(*entry);
    call.depth_before = static_cast<int>(entry->holds.size());
  }
  history.calls.push_back(std::move(call));
  return history.calls.size() - 1;
}

LockCall& LockRecorder::State::end_call(std::size_t index, const std::error_code& error) {
  LockCall& call = history.calls[index];
  (scheduler.current_killed() ? call.crashed : call.returned) = now();
  call.error = error;
  return call;
}

std::size_t LockRecorder::State::grant(Process& process, LockCall& call, const HeldLock& hold) {
  if (Live* entry = find_live(call.owner, call.lock); entry != nullptr && believes(*entry)) {
    entry->holds.push_back(&hold);
    return entry->tenure;
  }
  Tenure tenure;
  tenure.owner = call.owner;
  tenure.lock = call.lock;
  tenure.fencing_token = hold.fencing_token();
  tenure.granted = now();
  const std::size_t index = history.tenures.size();
  history.tenures.push_back(std::move(tenure));
  live.push_back({index, &process.group(), &process.runtime(), {&hold}});
  if (call.crashed) {
    settle(live.back());
  } else {
    alarms.push_back(std::make_unique<Alarm>(hold.lost(), [this, index] { heard_of_loss(index); }));
  }
  return index;
}

void LockRecorder::State::heard_of_loss(std::size_t index) {
  if (scheduler.current_killed()) return;
  Tenure& tenure = history.tenures[index];
  tenure.announced = now();
  trace(tenure.owner.describe(),
        "is told that '" + tenure.lock + "' is lost, token " + std::to_string(tenure.fencing_token));
  for (const Live& entry : live) {
    if (entry.tenure == index) settle(entry);
  }
}

LockRecorder::LockRecorder(Scheduler& scheduler) : state_(std::make_shared<State>(scheduler)) {}

LockRecorder::~LockRecorder() { state_->alarms.clear(); }

LockHistory LockRecorder::history() const {
  LockHistory history = state_->history;
  for (const Live& entry : state_->live) history.tenures[entry.tenure] = state_->judged(entry);
  history.end = state_->now();
  return history;
}

std::optional<std::string> LockRecorder::overlap() const {
  const std::vector<Live>& live = state_->live;
  for (std::size_t i = 1; i < live.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Tenure& one = state_->history.tenures[live[j].tenure];
      const Tenure& other = state_->history.tenures[live[i].tenure];
      if (one.lock != other.lock || !state_->believes(live[j]) || !state_->believes(live[i])) continue;
      return "at " + describe_time(state_->now()) + " two hold '" + one.lock + "': " + one.owner.describe() +
             " with token " + std::to_string(one.fencing_token) + ", " + other.owner.describe() + " with token " +
             std::to_string(other.fencing_token);
    }
  }
  return std::nullopt;
}

std::size_t LockRecorder::believers() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(state_->live, [this](const Live& entry) { return state_->believes(entry); }));
}

std::size_t LockRecorder::waiting() const {
  return static_cast<std::size_t>(std::ranges::count_if(state_->history.calls, [](const LockCall& call) {
    return call.kind == LockCall::Kind::acquire && !call.returned && !call.crashed;
  }));
}

void LockRecorder::stands_still(std::string_view process, Duration how_long) {
  const Duration now = state_->now();
  state_->history.standstills.push_back({std::string(process), now, now + how_long});
  state_->trace(process, "stands still for " + describe_time(how_long));
}

void LockRecorder::note(std::string_view who, std::string_view text) { state_->trace(who, std::string(text)); }

namespace {

class RequestCounter final : public Observer {
 public:
  RequestCounter(std::weak_ptr<LockRecorder::State> recorder, std::string process)
      : recorder_(std::move(recorder)), process_(std::move(process)) {}
  void on_request(const Attempt& attempt) override {
    const auto recorder = recorder_.lock();
    if (!recorder || recorder->scheduler.current_killed()) return;
    recorder->history.requests.push_back({recorder->now(), process_, attempt.method + " " + attempt.key});
  }

 private:
  std::weak_ptr<LockRecorder::State> recorder_;
  std::string process_;
};

}  // namespace

std::shared_ptr<Observer> LockRecorder::observe(std::string process) {
  return std::make_shared<RequestCounter>(state_, std::move(process));
}

RecordedHold::RecordedHold(std::unique_ptr<Record> record) noexcept : record_(std::move(record)) {}
RecordedHold::RecordedHold(RecordedHold&&) noexcept = default;

RecordedHold& RecordedHold::operator=(RecordedHold&& other) noexcept {
  if (this != &other) {
    const RecordedHold ended(std::move(*this));
    record_ = std::move(other.record_);
  }
  return *this;
}

RecordedHold::~RecordedHold() {
  if (record_ && !record_->released) (void)record_->release();
}

std::uint64_t RecordedHold::fencing_token() const { return record_->hold->fencing_token(); }
std::stop_token RecordedHold::lost() const { return record_->hold->lost(); }
bool RecordedHold::is_held() const { return record_->hold->is_held(); }
TimePoint RecordedHold::expires_at() const { return record_->hold->expires_at(); }

namespace {

Duration due_after(VirtualRuntime& runtime, Duration local) {
  const TimePoint due = saturating_add(runtime.now(), local);
  return due == TimePoint::max() ? Duration::max() : runtime.clock().true_time(due) - Scheduler::start;
}

}  // namespace

Result<void> RecordedHold::renew() {
  LockRecorder::State& recorder = *record_->recorder;
  const std::size_t call = recorder.begin_call(LockCall::Kind::renew, record_->owner, record_->lock,
                                               due_after(record_->runtime, record_->request_timeout));
  const CrashGuard guard(recorder, call);
  Result<void> renewed = record_->hold->renew();
  recorder.end_call(call, renewed ? std::error_code() : renewed.error().code).tenure = record_->tenure;
  return renewed;
}

Result<Release> RecordedHold::release() { return record_->release(); }

Result<Release> RecordedHold::Record::release() {
  if (released) return hold->release();
  released = true;
  const std::size_t index =
      recorder->begin_call(LockCall::Kind::release, owner, lock, due_after(runtime, request_timeout));
  bool outermost = false;
  bool held = false;
  for (Live& entry : recorder->live) {
    if (entry.tenure != tenure) continue;
    recorder->settle(entry);
    held = recorder->believes(entry);
    outermost = entry.holds.size() == 1;
    if (!outermost) std::erase(entry.holds, hold.get());
  }
  recorder->history.calls[index].believed_before = held;
  if (outermost) {
    Tenure& over = recorder->history.tenures[tenure];
    if (over.until == Duration::max()) {
      over.until = recorder->now();
      over.end = Tenure::End::released;
    }
    recorder->forget(tenure);
  }
  const CrashGuard guard(*recorder, index);
  recorder->trace(owner.describe(), "releases '" + lock + "'" + (held ? "" : ", which it has lost"));
  Result<Release> result = hold->release();
  LockCall& call = recorder->end_call(index, result ? std::error_code() : result.error().code);
  call.tenure = tenure;
  if (!call.crashed && result) {
    call.release = *result;
    if (outermost) recorder->history.tenures[tenure].released_well = true;
  }
  if (!call.crashed) recorder->trace(owner.describe(), describe(call));
  return result;
}

RecordedLocks::RecordedLocks(Process& process, LockRecorder& recorder, const LockOptions& options)
    : RecordedLocks(process, recorder, make_lock_client(std::make_unique<LockManager>(process.client(), options)),
                    options.request_timeout) {}

RecordedLocks::RecordedLocks(Process& process, LockRecorder& recorder, std::unique_ptr<LockClient> client,
                             Duration request_timeout)
    : process_(process), recorder_(recorder.state_), client_(std::move(client)), request_timeout_(request_timeout) {}

RecordedLocks::~RecordedLocks() { close(); }

void RecordedLocks::close() noexcept { client_->close(); }

namespace {

/// What the callback of an acquisition has to say, before and after its tenure is known.
struct LossReport {
  std::size_t tenure = LockCall::none;
  std::vector<Duration> early;
};

}  // namespace

Result<RecordedHold> RecordedLocks::acquire(const std::string& name, AcquireOptions options, std::stop_token stop) {
  VirtualRuntime& runtime = process_.runtime();
  LockRecorder::State& recorder = *recorder_;
  const LockOwner owner{process_.name(), process_.life(), options.owner.value_or(runtime.current_task()),
                        options.owner.has_value()};
  const std::size_t index =
      recorder.begin_call(LockCall::Kind::acquire, owner, name,
                          due_after(runtime, options.wait == Duration::zero() ? request_timeout_ : options.wait));
  recorder.history.calls[index].reentrant = options.reentrant;
  const CrashGuard guard(recorder, index);
  recorder.trace(owner.describe(), "wants '" + name + "'");
  const auto report = std::make_shared<LossReport>();
  options.on_lost = [weak = std::weak_ptr(recorder_), report, inner = std::move(options.on_lost)](const Error& why) {
    const auto state = weak.lock();
    if (state && !state->scheduler.current_killed()) {
      auto& times = report->tenure == LockCall::none ? report->early : state->history.tenures[report->tenure].callbacks;
      times.push_back(state->now());
    }
    if (inner) inner(why);
  };
  Result<std::unique_ptr<HeldLock>> hold = [&] {
    const std::stop_callback cancelled(stop, [&] {
      LockCall& call = recorder.history.calls[index];
      call.due = std::min(call.due, recorder.now());
    });
    return client_->acquire(name, options, stop);
  }();
  LockCall& call = recorder.end_call(index, hold ? std::error_code() : hold.error().code);
  if (!hold) {
    if (!call.crashed) recorder.trace(owner.describe(), describe(call) + " (" + hold.error().describe() + ")");
    return tl::unexpected<Error>(std::move(hold.error()));
  }
  call.fencing_token = (*hold)->fencing_token();
  const std::size_t known = recorder.history.tenures.size();
  call.tenure = recorder.grant(process_, call, **hold);
  if (call.tenure == known) {  // Not on re-entry, which leaves the first callback in force.
    report->tenure = call.tenure;
    recorder.history.tenures[call.tenure].callbacks = std::move(report->early);
  }
  if (!call.crashed) recorder.trace(owner.describe(), describe(call));
  return RecordedHold(std::make_unique<RecordedHold::Record>(
      RecordedHold::Record{recorder_, std::move(*hold), runtime, owner, name, call.tenure, request_timeout_, false}));
}

FencedResource::FencedResource(LockRecorder& recorder, std::string name)
    : recorder_(recorder.state_), name_(std::move(name)) {}

bool FencedResource::write(const RecordedHold& hold) {
  const RecordedHold::Record& record = *hold.record_;
  const std::uint64_t token = hold.fencing_token();
  GuardedWrite write{recorder_->now(), record.owner, name_, record.tenure, token, token >= highest_, false};
  for (const Live& entry : recorder_->live) {
    if (entry.tenure == record.tenure) write.believed = recorder_->believes(entry);
  }
  if (write.accepted) highest_ = token;
  recorder_->trace(record.owner.describe(),
                   "writes to " + name_ + " with token " + std::to_string(token) + (write.accepted ? "" : ": refused"));
  const bool accepted = write.accepted;
  recorder_->history.writes.push_back(std::move(write));
  return accepted;
}

}  // namespace deimos::testkit
