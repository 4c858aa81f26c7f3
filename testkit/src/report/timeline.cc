#include <deimos/testkit/timeline.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace deimos::testkit {
namespace {

std::string ending(const Tenure& tenure) {
  switch (tenure.end) {
    case Tenure::End::open: return "still held";
    case Tenure::End::released: return "released";
    case Tenure::End::lost: return "lost";
    case Tenure::End::expired: return "past its local deadline";
    case Tenure::End::crashed: return "crashed";
  }
  return "";
}

/// Nodes are numbered from 1 in faults, and called so in histories.
std::string node_lane(fake::NodeId node) { return node == 0 ? "cluster" : "node" + std::to_string(node); }

struct LaneOf {
  std::string operator()(const PauseProcess& what) const { return what.process; }
  std::string operator()(const CrashProcess& what) const { return what.process; }
  std::string operator()(const CutProcess& what) const { return what.process; }
  std::string operator()(const CutProcesses& what) const { return what.process; }
  std::string operator()(const StepWallClock& what) const { return what.process; }
  std::string operator()(const BreakDisk& what) const { return what.process; }
  std::string operator()(const BadLinks&) const { return "network"; }
  std::string operator()(const CrashToSnapshot& what) const { return node_lane(what.node); }
  std::string operator()(const CrashToLateRestart& what) const { return node_lane(what.node); }
  std::string operator()(const fake::Fault& fault) const {
    return std::visit(
        [](const auto& what) {
          if constexpr (requires { what.node; }) {
            return node_lane(what.node);
          } else {
            return std::string("cluster");
          }
        },
        fault);
  }
};

/// Calls between processes, from their beginning to their end, by the number that their events begin with: at the
/// caller and at whoever served them.
class CallSpans {
 public:
  void see(const HistoryEvent& event, std::vector<Timeline::Span>& spans) {
    if (event.kind == "crash") {
      for (auto open = open_.begin(); open != open_.end();) {
        open = open->second.lane == event.subject ? close(open, event.at, "crashed", spans) : std::next(open);
      }
    }
    if (!event.text.starts_with('#')) return;
    const std::string key = event.subject + " " + event.text.substr(0, event.text.find(' '));
    const auto begin = [&](const std::string& kind) {
      open_[key + kind] = {event.subject, event.at, {}, kind, kind + " " + event.text, {}};
    };
    const auto end = [&](const std::string& kind) {
      const auto open = open_.find(key + kind);
      if (open != open_.end()) close(open, event.at, event.kind + " " + event.text, spans);
    };
    if (event.kind == "call") begin("calls");
    if (event.kind == "serve") begin("serves");
    if (event.kind == "answer" || event.kind == "unanswered") end("calls");
    if (event.kind == "reply" || event.kind == "broken") end("serves");
  }
  /// Those that have not ended.
  void leave_open(std::vector<Timeline::Span>& spans, Duration end) {
    while (!open_.empty()) close(open_.begin(), end, "no end seen", spans);
  }

 private:
  using Open = std::map<std::string, Timeline::Span>;
  Open::iterator close(Open::iterator open, Duration at, std::string details, std::vector<Timeline::Span>& spans) {
    open->second.until = at;
    open->second.details = std::move(details);
    spans.push_back(std::move(open->second));
    return open_.erase(open);
  }

  Open open_;
};

}  // namespace

void Timeline::add(const LockHistory& history) {
  end = std::max(end, history.end);
  for (const Tenure& tenure : history.tenures) {
    spans.push_back({.lane = tenure.owner.process,
                     .from = tenure.granted,
                     .until = std::min(tenure.until, end),
                     .kind = "holds",
                     .text = "holds " + tenure.lock + ", token " + std::to_string(tenure.fencing_token),
                     .details = tenure.owner.describe() + "; " + ending(tenure)});
    if (tenure.announced) marks.push_back({tenure.owner.process, *tenure.announced, "lost", "lost " + tenure.lock});
  }
  for (const LockCall& call : history.calls) {
    if (call.kind != LockCall::Kind::acquire) continue;
    const Duration until = call.returned.value_or(call.crashed.value_or(end));
    if (until > call.called) {
      spans.push_back({call.owner.process, call.called, until, "waits", "waits for " + call.lock, describe(call)});
    }
  }
  for (const Standstill& still : history.standstills) {
    spans.push_back({still.process, still.from, std::min(still.until, end), "paused", "paused", ""});
  }
  for (const SentRequest& request : history.requests) {
    marks.push_back({request.process, request.at, "request", request.text});
  }
}

void Timeline::add(const History& history) {
  CallSpans calls;
  for (HistoryEvent& event : history.events()) {
    end = std::max(end, event.at);
    if (event.subject.empty() || event.subject == "-") event.subject = "simulation";
    calls.see(event, spans);
    marks.push_back({std::move(event.subject), event.at, std::move(event.kind), std::move(event.text)});
  }
  calls.leave_open(spans, end);
}

void Timeline::add(const FaultPlan& plan) {
  for (const Episode& episode : plan.episodes) {
    spans.push_back({.lane = std::visit(LaneOf{}, episode.what),
                     .from = episode.at,
                     .until = episode.at + episode.lasts,
                     .kind = "fault",
                     .text = kind_of(episode.what),
                     .details = disturbance_as_code(episode.what)});
  }
}

}  // namespace deimos::testkit
