#include "locks/lock_coverage.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <deimos/error.h>

namespace deimos::testkit {
namespace {

constexpr std::array<std::string_view, 5> ends{"tenures open", "tenures released", "tenures lost", "tenures expired",
                                               "tenures crashed"};

/// What a plan that breaks no leases and forges no answers can have.
constexpr std::array<std::string_view, 30> all_kinds{"pause process",
                                                     "crash to late restart",
                                                     "crash process",
                                                     "cut process",
                                                     "bad links",
                                                     "crash to snapshot",
                                                     "partition",
                                                     "cut_link",
                                                     "isolate",
                                                     "lag",
                                                     "crash",
                                                     "pause",
                                                     "skew_clock",
                                                     "step_clock",
                                                     "set_clock_rate",
                                                     "skip_sweeps",
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

/// What must come of them in so many runs that it is worth looking.
constexpr std::array<std::string_view, 8> all_outcomes{"tenures released", "tenures expired", "tenures crashed",
                                                       "taken over",       "swept",           "elections",
                                                       "cleared watches",  "unclear calls"};

void print(std::string& text, const std::string& title, const std::map<std::string, std::uint64_t>& counts) {
  text += title + ":";
  for (const auto& [name, count] : counts) text += " " + name + " " + std::to_string(count) + ",";
  text.back() = '\n';
}

std::uint64_t failures(const LockRunResult& result, errc code) {
  const auto found = result.failed.find(static_cast<int>(code));
  return found == result.failed.end() ? 0 : found->second;
}

}  // namespace

void Coverage::add(const LockRun& run, const LockRunResult& result) {
  ++runs_;
  simulated_ += result.history.end;
  for (const Episode& episode : run.plan.episodes) ++drawn_[kind_of(episode.what)];
  for (const auto& [action, count] : result.acted) acted_["rule " + action] += count;
  for (const auto& [code, count] : result.failed) failed_[make_error_code(static_cast<errc>(code)).message()] += count;
  happened_["elections"] += result.elections;
  happened_["cleared watches"] += failures(result, errc::history_cleared);
  happened_["unclear calls"] += failures(result, errc::outcome_unknown);
  happened_["requests"] += result.history.requests.size();
  happened_["steps"] += result.steps;
  for (const Tenure& tenure : result.history.tenures) {
    ++happened_[std::string(ends[static_cast<std::size_t>(tenure.end)])];
  }
  for (const GuardedWrite& write : result.history.writes) happened_["writes refused"] += write.accepted ? 0 : 1;
  for (const LockCall& call : result.history.calls) {
    const bool reentry = call.kind == LockCall::Kind::acquire && call.believed_before && call.succeeded();
    happened_["re-entries"] += reentry ? 1 : 0;
  }
  for (const fake::AuditRecord& record : result.audit) {
    const bool by_index = record.previous_index != 0 && record.previous_value.empty();
    if (record.kind == fake::Command::Kind::compare_and_swap && by_index) ++happened_["taken over"];
    if (record.kind == fake::Command::Kind::sweep) ++happened_["swept"];
  }
}

std::string Coverage::describe() const {
  std::string text = std::to_string(runs_) + " runs, " +
                     std::to_string(std::chrono::duration_cast<std::chrono::seconds>(simulated_).count()) +
                     " simulated seconds\n";
  print(text, "episodes", drawn_);
  print(text, "requests on which rules acted", acted_);
  print(text, "what happened", happened_);
  print(text, "calls of the store that failed", failed_);
  return text;
}

std::string Coverage::missing() const {
  std::string text;
  const auto expect = [&](const Counts& counts, std::string_view name, std::string_view what) {
    const auto found = counts.find(std::string(name));
    if (found == counts.end() || found->second == 0) text += std::string(name) + " " + std::string(what) + "; ";
  };
  for (const std::string_view kind : all_kinds) {
    expect(drawn_, kind, "was never drawn");
    if (kind.starts_with("rule ")) expect(acted_, kind, "never acted");
  }
  for (const std::string_view outcome : all_outcomes) expect(happened_, outcome, "never happened");
  return text;
}

}  // namespace deimos::testkit
