#include <deimos/fake/journal.h>

#include <stdexcept>

#include <deimos/internal/one_line.h>

#include "faults/fault_text.h"
#include "faults/rule_actions.h"

namespace deimos::fake {

std::string_view to_string(JournalEntry::Outcome outcome) noexcept {
  switch (outcome) {
    case JournalEntry::Outcome::open: return "open";
    case JournalEntry::Outcome::answered: return "answered";
    case JournalEntry::Outcome::broken: return "broken";
    case JournalEntry::Outcome::refused: return "refused";
    case JournalEntry::Outcome::left: return "left";
  }
  return "";
}

namespace {

std::string what_came(const JournalEntry& entry) {
  using Outcome = JournalEntry::Outcome;
  std::string text = entry.status == 0 ? "no answer" : std::to_string(entry.status);
  if (entry.outcome == Outcome::open) return text + (entry.status == 0 ? " yet" : ", its body still open");
  if (entry.outcome == Outcome::broken) text += ", the connection broke";
  if (entry.outcome == Outcome::refused) text = "connection refused";
  if (entry.outcome == Outcome::left) text += ", the client left";
  return text + " after " + duration_text(entry.duration);
}

}  // namespace

std::string describe(const JournalEntry& entry) {
  const auto line = [](const std::string& text) { return internal::one_line(text); };
  std::string text = "#" + std::to_string(entry.id) + " " + line(entry.method) + " " + line(entry.path);
  if (!entry.query.empty()) text += "?" + line(entry.query);
  if (!entry.form.empty()) text += " '" + line(entry.form) + "'";
  if (entry.left_out != 0) text += " (" + std::to_string(entry.left_out) + " bytes left out)";
  text += " by " + (entry.client.empty() ? "somebody" : line(entry.client)) + " at node " + std::to_string(entry.node) +
          ": " + what_came(entry);
  if (entry.rule == 0) return text;
  text += ", rule " + (entry.rule_name.empty() ? std::to_string(entry.rule) : "'" + line(entry.rule_name) + "'");
  return text + " " + entry.action + (entry.lost ? ", lost" : "");
}

std::string describe(const JournalFilter& filter) {
  std::string text = filter.method.empty() ? "any request" : filter.method;
  if (!filter.key.empty()) text += " of " + filter.key;
  if (!filter.parameter.empty()) text += " with '" + filter.parameter + "'";
  if (!filter.client.empty()) text += " by " + filter.client;
  if (filter.node != 0) text += " at node " + std::to_string(filter.node);
  if (filter.status != 0) text += " answered " + std::to_string(filter.status);
  if (!filter.action.empty()) text += " on which a rule did " + filter.action;
  if (filter.lost) text += *filter.lost ? " whose answer was lost" : " whose answer was not lost";
  if (filter.since != 0) text += " since #" + std::to_string(filter.since);
  return text;
}

void validate(const JournalFilter& filter, NodeId nodes) {
  const auto refuse = [](const std::string& why) { throw std::invalid_argument("journal: " + why); };
  if (filter.node > nodes) {
    refuse("there is no node " + std::to_string(filter.node) + " in a cluster of " + std::to_string(nodes));
  }
  for (const char c : filter.method) {
    if (c < 'A' || c > 'Z') refuse("'" + filter.method + "' is not a method");
  }
  for (const std::string* pattern : {&filter.client, &filter.key}) {
    if (pattern->size() > longest_pattern) refuse("a pattern of " + std::to_string(pattern->size()) + " bytes");
  }
  if (filter.parameter.size() > journal_text_bytes) {
    refuse("a parameter of " + std::to_string(filter.parameter.size()) + " bytes: so much is not kept");
  }
  if (filter.status != 0 && (filter.status < 100 || filter.status > 599)) {
    refuse("status " + std::to_string(filter.status) + " is not from 100 to 599");
  }
  if (!filter.action.empty() && !is_rule_action(filter.action)) refuse("there is no action '" + filter.action + "'");
}

}  // namespace deimos::fake
