#include <deimos/testkit/lock_history.h>

#include <algorithm>
#include <set>

#include <deimos/testkit/history.h>

namespace deimos::testkit {

std::string LockOwner::describe() const {
  std::string text = process;
  if (life > 1) text += "/" + std::to_string(life);
  if (named) text += "#" + std::to_string(id);
  return text;
}

std::string LockHistory::tail(std::size_t count, Duration until) const {
  const auto end_of_part = std::upper_bound(trace.begin(), trace.end(), until,
                                            [](Duration at, const TraceLine& line) { return at < line.at; });
  const auto size = static_cast<std::size_t>(end_of_part - trace.begin());
  std::string text;
  for (std::size_t i = size - std::min(size, count); i < size; ++i) {
    text += describe_time(trace[i].at) + "  " + trace[i].text + "\n";
  }
  return text;
}

std::vector<std::string> LockHistory::locks() const {
  std::set<std::string> names;
  for (const LockCall& call : calls) names.insert(call.lock);
  return {names.begin(), names.end()};
}

Duration LockHistory::after_standstill(const std::string& process, Duration instant) const {
  for (bool moved = true; moved;) {
    moved = false;
    for (const Standstill& pause : standstills) {
      if (pause.process != process || instant < pause.from || instant >= pause.until) continue;
      instant = pause.until;
      moved = true;
    }
  }
  return instant;
}

namespace {

const char* text_of(Tenure::End end) {
  switch (end) {
    case Tenure::End::open: return "not over";
    case Tenure::End::released: return "released";
    case Tenure::End::lost: return "lost";
    case Tenure::End::expired: return "expired";
    case Tenure::End::crashed: return "crashed";
  }
  return "?";
}

const char* text_of(LockCall::Kind kind) {
  switch (kind) {
    case LockCall::Kind::acquire: return "acquire";
    case LockCall::Kind::release: return "release";
    case LockCall::Kind::renew: return "renew";
  }
  return "?";
}

std::string time_or(Duration at, const char* never) { return at == Duration::max() ? never : describe_time(at); }

}  // namespace

std::string describe(const Tenure& tenure) {
  return tenure.owner.describe() + " holds '" + tenure.lock + "' with token " + std::to_string(tenure.fencing_token) +
         " from " + describe_time(tenure.granted) + " to " + time_or(tenure.until, "ever") + " (" +
         text_of(tenure.end) + ", deadline " + time_or(tenure.deadline, "none") + ")";
}

std::string describe(const LockCall& call) {
  std::string text =
      call.owner.describe() + "'s " + text_of(call.kind) + " of '" + call.lock + "' at " + describe_time(call.called);
  if (!call.returned) return text + (call.crashed ? ", in which it crashed" : ", which has not returned");
  text += ", back at " + describe_time(*call.returned) + ": ";
  if (call.error) return text + call.error.message();
  if (call.kind == LockCall::Kind::acquire) return text + "token " + std::to_string(call.fencing_token);
  if (!call.release) return text + "done";
  switch (*call.release) {
    case Release::freed: return text + "freed";
    case Release::nested: return text + "nested";
    case Release::in_background: return text + "in background";
  }
  return text;
}

}  // namespace deimos::testkit
