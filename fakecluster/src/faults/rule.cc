#include <deimos/fake/rule.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include <deimos/internal/ascii.h>
#include <deimos/internal/http_token.h>

#include "faults/fault_text.h"
#include "faults/rule_actions.h"

namespace deimos::fake {
namespace {

constexpr std::array<std::string_view, std::variant_size_v<RuleAction>> action_names{
    "pass",   "delay",         "drop_request", "drop_answer", "duplicate",         "reorder",
    "answer", "truncate_body", "corrupt_body", "reset_after", "refuse_connection", "count"};

[[noreturn]] void refuse(const Rule& rule, const std::string& why) {
  throw std::invalid_argument("rule" + (rule.name.empty() ? "" : " '" + rule.name + "'") + ": " + why);
}

void check_range(const Rule& rule, std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
  if (least.count() < 0) refuse(rule, "a negative delay of " + duration_text(least));
  if (most < least) refuse(rule, "a delay of at least " + duration_text(least) + " and at most " + duration_text(most));
}

bool is_error_code(int code) {
  constexpr std::array codes{100, 101, 102, 104, 105, 107, 108, 202, 203, 209, 210, 300, 301, 401};
  for (const int known : codes) {
    if (code == known) return true;
  }
  return false;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = internal::to_lower(c);
  return text;
}

struct CheckAction {
  const Rule& rule;
  void check_headers(const Answer& answer) const {
    constexpr std::array<std::string_view, 5> of_connection{"connection", "content-length", "content-type", "date",
                                                            "transfer-encoding"};
    std::vector<std::string> names;
    for (const auto& [name, value] : answer.headers) {
      if (!internal::is_http_token(name)) refuse(rule, "'" + name.substr(0, 100) + "' is not the name of a header");
      if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
        refuse(rule, "the header '" + name + "' has a line break");
      }
      names.push_back(lower_case(name));
      if (std::find(of_connection.begin(), of_connection.end(), names.back()) != of_connection.end()) {
        refuse(rule, "the header '" + name + "' is not the stub's to say");
      }
    }
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) refuse(rule, "the header '" + *twice + "' is there twice");
  }
  void operator()(const Delay& delay) const { check_range(rule, delay.least, delay.most); }
  void operator()(const Duplicate& duplicate) const {
    if (duplicate.copies < 1 || duplicate.copies > 100) refuse(rule, "copies must be from 1 to 100");
    check_range(rule, duplicate.least, duplicate.most);
  }
  void operator()(const Reorder& reorder) const {
    if (reorder.at_most.count() < 0) refuse(rule, "a negative delay of " + duration_text(reorder.at_most));
  }
  void operator()(const Answer& answer) const {
    if (answer.error_code != 0 && !is_error_code(answer.error_code)) {
      refuse(rule, "no Deimos answers with error code " + std::to_string(answer.error_code));
    }
    if (answer.error_code == 0 && (answer.status < 100 || answer.status > 599)) {
      refuse(rule, "status " + std::to_string(answer.status) + " is not from 100 to 599");
    }
    if (answer.content_type.find_first_of("\r\n") != std::string::npos) {
      refuse(rule, "a content type with a line break");
    }
    check_headers(answer);
  }
  template <typename Other>
  void operator()(const Other&) const {}
};

struct DescribeAction {
  std::string operator()(const Pass&) const { return "pass"; }
  std::string operator()(const Delay& delay) const {
    return (delay.answer ? "delay answer by " : "delay by ") + range_text(delay.least, delay.most);
  }
  std::string operator()(const DropRequest&) const { return "drop request"; }
  std::string operator()(const DropAnswer&) const { return "drop answer"; }
  std::string operator()(const Duplicate& duplicate) const {
    return "repeat " + std::to_string(duplicate.copies) + " times after " + range_text(duplicate.least, duplicate.most);
  }
  std::string operator()(const Reorder& reorder) const {
    return "let the next pass, within " + duration_text(reorder.at_most);
  }
  std::string operator()(const Answer& answer) const {
    return answer.error_code != 0 ? "answer error " + std::to_string(answer.error_code)
                                  : "answer status " + std::to_string(answer.status);
  }
  std::string operator()(const TruncateBody& truncate) const {
    return "truncate body to " + std::to_string(truncate.bytes) + " bytes";
  }
  std::string operator()(const CorruptBody&) const { return "corrupt body"; }
  std::string operator()(const ResetAfter& reset) const {
    return "reset after " + std::to_string(reset.bytes) + " bytes";
  }
  std::string operator()(const RefuseConnection&) const { return "refuse connection"; }
  std::string operator()(const Count&) const { return "count"; }
};

std::string describe_match(const Match& match) {
  std::string text = match.method.empty() ? "any request" : match.method;
  if (!match.key.empty()) text += " " + match.key;
  if (!match.parameter.empty()) text += " with '" + match.parameter + "'";
  if (!match.client.empty()) text += " of " + match.client;
  if (match.node != 0) text += " at node " + std::to_string(match.node);
  if (match.nth != 0) text += ", number " + std::to_string(match.nth) + " only";
  if (match.every > 1) text += ", every " + std::to_string(match.every);
  if (match.times != 0) text += ", at most " + std::to_string(match.times) + " times";
  if (match.after != 0) text += ", after the first " + std::to_string(match.after);
  if (match.probability != 1) text += ", with probability " + number_text(match.probability);
  return text;
}

}  // namespace

std::string_view name_of(const RuleAction& action) noexcept { return action_names[action.index()]; }

bool is_rule_action(std::string_view name) noexcept {
  return std::find(action_names.begin(), action_names.end(), name) != action_names.end();
}

std::string describe(const Rule& rule) {
  std::string text = std::visit(DescribeAction{}, rule.action) + ": " + describe_match(rule.match);
  return rule.name.empty() ? text : "'" + rule.name + "' " + text;
}

void validate(const Rule& rule, NodeId nodes) {
  const Match& match = rule.match;
  if (match.node > nodes) {
    refuse(rule, "there is no node " + std::to_string(match.node) + " in a cluster of " + std::to_string(nodes));
  }
  for (const char c : match.method) {
    if (c < 'A' || c > 'Z') refuse(rule, "'" + match.method + "' is not a method");
  }
  for (const std::string* pattern : {&match.client, &match.key}) {
    if (pattern->size() > longest_pattern) refuse(rule, "a pattern of " + std::to_string(pattern->size()) + " bytes");
  }
  if (match.nth != 0 && match.every > 1) refuse(rule, "nth and every exclude each other");
  if (match.nth != 0 && match.after != 0) refuse(rule, "nth and after exclude each other");
  if (!(match.probability >= 0 && match.probability <= 1)) refuse(rule, "a probability must be from 0 to 1");
  std::visit(CheckAction{rule}, rule.action);
}

}  // namespace deimos::fake
