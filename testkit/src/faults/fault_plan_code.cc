// Prints a plan as the C++ that makes it.
#include <array>
#include <charconv>
#include <string_view>

#include <deimos/testkit/fault_plan.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

std::string number(double value) {
  std::array<char, 32> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}

template <typename T>
std::string list(const std::vector<T>& items) {
  std::string text = "{";
  for (const T& item : items) {
    if (text.size() > 1) text += ", ";
    if constexpr (std::is_integral_v<T>) {
      text += std::to_string(item);
    } else {
      text += list(item);
    }
  }
  return text + "}";
}

std::string code_of(const fake::Match& match) {
  std::string text;
  const auto add = [&](std::string_view field, const std::string& value) {
    text += (text.empty() ? "." : ", .") + std::string(field) + " = " + value;
  };
  if (!match.client.empty()) add("client", quoted(match.client));
  if (match.node != 0) add("node", std::to_string(match.node));
  if (!match.method.empty()) add("method", quoted(match.method));
  if (!match.key.empty()) add("key", quoted(match.key));
  if (!match.parameter.empty()) add("parameter", quoted(match.parameter));
  if (match.nth != 0) add("nth", std::to_string(match.nth));
  if (match.every != 0) add("every", std::to_string(match.every));
  if (match.times != 0) add("times", std::to_string(match.times));
  if (match.probability != 1) add("probability", number(match.probability));
  if (match.after != 0) add("after", std::to_string(match.after));
  return "{" + text + "}";
}

struct RuleActionCode {
  std::string operator()(const fake::Pass&) const { return "fake::Pass{}"; }
  std::string operator()(const fake::Delay& t) const {
    return "fake::Delay{" + duration_as_code(t.least) + ", " + duration_as_code(t.most) + (t.answer ? ", true}" : "}");
  }
  std::string operator()(const fake::DropRequest&) const { return "fake::DropRequest{}"; }
  std::string operator()(const fake::DropAnswer&) const { return "fake::DropAnswer{}"; }
  std::string operator()(const fake::Duplicate& t) const {
    return "fake::Duplicate{" + std::to_string(t.copies) + ", " + duration_as_code(t.least) + ", " +
           duration_as_code(t.most) + "}";
  }
  std::string operator()(const fake::Reorder& t) const { return "fake::Reorder{" + duration_as_code(t.at_most) + "}"; }
  std::string operator()(const fake::Answer& t) const {
    return "fake::Answer{.status = " + std::to_string(t.status) + ", .error_code = " + std::to_string(t.error_code) +
           ", .body = " + quoted(t.body) + ", .content_type = " + quoted(t.content_type) + headers(t) + "}";
  }
  std::string operator()(const fake::TruncateBody& t) const {
    return "fake::TruncateBody{" + std::to_string(t.bytes) + "}";
  }
  std::string operator()(const fake::CorruptBody&) const { return "fake::CorruptBody{}"; }
  std::string operator()(const fake::ResetAfter& t) const {
    return "fake::ResetAfter{" + std::to_string(t.bytes) + "}";
  }
  std::string operator()(const fake::RefuseConnection&) const { return "fake::RefuseConnection{}"; }
  std::string operator()(const fake::Count&) const { return "fake::Count{}"; }

 private:
  static std::string headers(const fake::Answer& answer) {
    std::string text;
    for (const auto& [name, value] : answer.headers) {
      text += (text.empty() ? "{" : ", {") + quoted(name) + ", " + quoted(value) + "}";
    }
    return text.empty() ? text : ", .headers = {" + text + "}";
  }
};

std::string of_node(std::string_view type, fake::NodeId node, const std::string& more = {}) {
  return "fake::" + std::string(type) + "{" + std::to_string(node) + (more.empty() ? "" : ", " + more) + "}";
}

struct FaultCode {
  std::string operator()(const fake::Partition& f) const { return "fake::Partition{" + list(f.groups) + "}"; }
  std::string operator()(const fake::CutLink& f) const { return of_node("CutLink", f.from, std::to_string(f.to)); }
  std::string operator()(const fake::MendLink& f) const { return of_node("MendLink", f.from, std::to_string(f.to)); }
  std::string operator()(const fake::Isolate& f) const { return of_node("Isolate", f.node); }
  std::string operator()(const fake::Rejoin& f) const { return of_node("Rejoin", f.node); }
  std::string operator()(const fake::Heal&) const { return "fake::Heal{}"; }
  std::string operator()(const fake::Lag& f) const {
    return of_node("Lag", f.node, duration_as_code(f.least) + ", " + duration_as_code(f.most));
  }
  std::string operator()(const fake::Crash& f) const { return of_node("Crash", f.node); }
  std::string operator()(const fake::Restart& f) const {
    if (f.behind.count() != 0) {
      return of_node("Restart", f.node, (f.from_snapshot ? "true, " : "false, ") + duration_as_code(f.behind));
    }
    return of_node("Restart", f.node, f.from_snapshot ? "true" : "");
  }
  std::string operator()(const fake::Pause& f) const { return of_node("Pause", f.node); }
  std::string operator()(const fake::Resume& f) const { return of_node("Resume", f.node); }
  std::string operator()(const fake::SkewClock& f) const {
    return of_node("SkewClock", f.node, duration_as_code(f.offset));
  }
  std::string operator()(const fake::StepClock& f) const {
    return of_node("StepClock", f.node, duration_as_code(f.by));
  }
  std::string operator()(const fake::SetClockRate& f) const { return of_node("SetClockRate", f.node, number(f.rate)); }
  std::string operator()(const fake::ResetClock& f) const { return of_node("ResetClock", f.node); }
  std::string operator()(const fake::SkipSweeps& f) const {
    return "fake::SkipSweeps{" + duration_as_code(f.duration) + "}";
  }
  std::string operator()(const fake::ExpireKey& f) const { return "fake::ExpireKey{" + quoted(f.key) + "}"; }
  std::string operator()(const fake::WipeHistory& f) const { return of_node("WipeHistory", f.node); }
  std::string operator()(const fake::ForgetWatchers& f) const {
    return of_node("ForgetWatchers", f.node, quoted(f.key));
  }
  std::string operator()(const fake::ChangeLeader& f) const { return of_node("ChangeLeader", f.to); }
  std::string operator()(const fake::AddRule& f) const {
    return "fake::AddRule{{" + quoted(f.rule.name) + ", " + code_of(f.rule.match) + ", " +
           std::visit(RuleActionCode{}, f.rule.action) + "}}";
  }
  std::string operator()(const fake::RemoveRules& f) const { return "fake::RemoveRules{" + quoted(f.name) + "}"; }
  std::string operator()(const fake::Recover&) const { return "fake::Recover{}"; }
};

struct DisturbanceCode {
  std::string operator()(const PauseProcess& f) const { return "PauseProcess{" + quoted(f.process) + "}"; }
  std::string operator()(const CrashProcess& f) const {
    constexpr std::string_view losses[] = {"all", "latest", "some", "torn"};
    return "CrashProcess{" + quoted(f.process) + (f.loss ? ", UnsyncedLoss::" + name(losses, *f.loss) : "") + "}";
  }
  std::string operator()(const CutProcess& f) const {
    return "CutProcess{" + quoted(f.process) + ", " + std::to_string(f.node) + ", " + code(f.direction) + "}";
  }
  std::string operator()(const CutProcesses& f) const {
    return "CutProcesses{" + quoted(f.process) + ", " + quoted(f.other) + ", " + code(f.direction) + "}";
  }
  std::string operator()(const StepWallClock& f) const {
    return "StepWallClock{" + quoted(f.process) + ", " + duration_as_code(f.by) + "}";
  }
  std::string operator()(const BreakDisk& f) const {
    constexpr std::string_view faults[] = {"none", "full", "failing", "lying"};
    return "BreakDisk{" + quoted(f.process) + ", DiskFault::" + name(faults, f.fault) + "}";
  }
  std::string operator()(const BadLinks& f) const {
    return "BadLinks{" + duration_as_code(f.latency_most) + ", " + number(f.request_loss) + ", " +
           number(f.answer_loss) + ", " + number(f.duplication) + "}";
  }
  std::string operator()(const CrashToSnapshot& f) const { return "CrashToSnapshot{" + std::to_string(f.node) + "}"; }
  std::string operator()(const CrashToLateRestart& f) const {
    return "CrashToLateRestart{" + std::to_string(f.node) + ", " + duration_as_code(f.behind) + "}";
  }
  std::string operator()(const fake::Fault& f) const { return "fake::Fault(" + std::visit(FaultCode{}, f) + ")"; }

 private:
  template <std::size_t size, typename Enum>
  static std::string name(const std::string_view (&names)[size], Enum value) {
    return std::string(names[static_cast<std::size_t>(value)]);
  }
  static std::string code(Direction direction) {
    constexpr std::string_view directions[] = {"requests", "answers", "both"};
    return "Direction::" + name(directions, direction);
  }
};

struct KindOf {
  std::string operator()(const PauseProcess&) const { return "pause process"; }
  std::string operator()(const CrashProcess&) const { return "crash process"; }
  std::string operator()(const CutProcess&) const { return "cut process"; }
  std::string operator()(const CutProcesses&) const { return "cut processes"; }
  std::string operator()(const StepWallClock&) const { return "step wall clock"; }
  std::string operator()(const BreakDisk&) const { return "break disk"; }
  std::string operator()(const BadLinks&) const { return "bad links"; }
  std::string operator()(const CrashToSnapshot&) const { return "crash to snapshot"; }
  std::string operator()(const CrashToLateRestart&) const { return "crash to late restart"; }
  std::string operator()(const fake::Fault& fault) const {
    const auto* added = std::get_if<fake::AddRule>(&fault);
    return added == nullptr ? std::string(name_of(fault)) : "rule " + std::string(name_of(added->rule.action));
  }
};

}  // namespace

std::string kind_of(const Disturbance& what) { return std::visit(KindOf{}, what); }

const std::vector<std::string>& kinds_of_faults() {
  static const std::vector<std::string> kinds{"pause process",
                                              "crash process",
                                              "cut process",
                                              "bad links",
                                              "crash to snapshot",
                                              "crash to late restart",
                                              "partition",
                                              "cut_link",
                                              "mend_link",
                                              "isolate",
                                              "rejoin",
                                              "heal",
                                              "lag",
                                              "crash",
                                              "restart",
                                              "pause",
                                              "resume",
                                              "skew_clock",
                                              "step_clock",
                                              "set_clock_rate",
                                              "reset_clock",
                                              "skip_sweeps",
                                              "expire_key",
                                              "wipe_history",
                                              "forget_watchers",
                                              "change_leader",
                                              "rule pass",
                                              "rule delay",
                                              "rule drop_request",
                                              "rule drop_answer",
                                              "rule duplicate",
                                              "rule reorder",
                                              "rule answer",
                                              "rule truncate_body",
                                              "rule corrupt_body",
                                              "rule reset_after",
                                              "rule refuse_connection"};
  return kinds;
}

std::string disturbance_as_code(const Disturbance& what) { return std::visit(DisturbanceCode{}, what); }

std::string FaultPlan::as_code() const {
  std::string text = "FaultPlan{{";
  for (const Episode& episode : episodes) {
    text += "\n    {" + duration_as_code(episode.at) + ", " + duration_as_code(episode.lasts) + ", " +
            disturbance_as_code(episode.what) + "},";
  }
  return text + (episodes.empty() ? "}}" : "\n}}");
}

}  // namespace deimos::testkit
