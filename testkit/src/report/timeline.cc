#include <deimos/testkit/timeline.h>

#include <algorithm>
#include <utility>

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
  for (HistoryEvent& event : history.events()) {
    end = std::max(end, event.at);
    if (event.subject.empty() || event.subject == "-") event.subject = "simulation";
    marks.push_back({std::move(event.subject), event.at, std::move(event.kind), std::move(event.text)});
  }
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
