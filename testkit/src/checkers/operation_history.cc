#include <deimos/testkit/operation_history.h>

#include <algorithm>
#include <array>
#include <istream>
#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include <deimos/testkit/history.h>

namespace deimos::testkit {
namespace {

using Json = nlohmann::json;
using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

constexpr std::array<std::string_view, 3> kind_names = {"read", "write", "cas"};
constexpr std::array<std::string_view, 4> outcome_names = {"invoke", "ok", "fail", "info"};

template <typename Names>
std::size_t index_of(const Names& names, const std::string& name, const char* field) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string known;
  for (const std::string_view one : names) known.append(known.empty() ? "" : ", ").append(one);
  throw std::invalid_argument(std::string(field) + " must be one of " + known + ", but is " + name.substr(0, 40));
}

Json json_of(const Operation::Value& value) { return value ? Json(*value) : Json(nullptr); }

Operation::Value value_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return json.is_string() ? json.get<std::string>() : json.dump();
}

/// One line of a file.
struct Line {
  std::int64_t process;
  Outcome type;
  Kind kind;
  std::string key;
  Operation::Value value;
  Operation::Value expected;
  Duration time;
};

const Json& member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) throw std::invalid_argument(std::string(name) + " is missing");
  return *found;
}

std::int64_t whole_number(const Json& object, const char* name) {
  const Json& number = member(object, name);
  if (!number.is_number_integer() || (number.is_number_unsigned() && number.get<std::uint64_t>() > INT64_MAX)) {
    throw std::invalid_argument(std::string(name) + " must be a whole number");
  }
  return number.get<std::int64_t>();
}

std::string text(const Json& object, const char* name) {
  const Json& value = member(object, name);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  throw std::invalid_argument(std::string(name) + " must be a string");
}

Line parse(const std::string& text_of_line) {
  const Json json = Json::parse(text_of_line, nullptr, false);
  if (json.is_discarded()) throw std::invalid_argument("no JSON, or not all of it");
  if (!json.is_object()) throw std::invalid_argument("not a JSON object");
  Line line;
  line.process = whole_number(json, "process");
  line.type = static_cast<Outcome>(index_of(outcome_names, text(json, "type"), "type"));
  line.kind = static_cast<Kind>(index_of(kind_names, text(json, "op"), "op"));
  line.key = text(json, "key");
  line.time = Duration(whole_number(json, "time"));
  const Json value = json.value("value", Json(nullptr));
  if (line.kind != Kind::compare_and_swap) {
    line.value = value_of(value);
  } else if (value.is_array() && value.size() == 2) {
    line.expected = value_of(value[0]);
    line.value = value_of(value[1]);
  } else if (line.type == Outcome::pending) {
    throw std::invalid_argument("the value of a cas must be [from, to]");
  }
  return line;
}

std::string shown(const Operation::Value& value) { return value ? *value : "nothing"; }

}  // namespace

std::string Operation::describe() const {
  std::string line = describe_time(called) + "  process " + std::to_string(process) + "  ";
  switch (kind) {
    case Kind::read: line += "read " + key + (outcome == Outcome::ok ? " = " + shown(value) : ""); break;
    case Kind::write: line += "write " + key + " = " + shown(value); break;
    case Kind::compare_and_swap: line += "swap " + key + " from " + shown(expected) + " to " + shown(value); break;
  }
  switch (outcome) {
    case Outcome::pending: return line + "  not answered";
    case Outcome::ok: return line + "  ok after " + duration_as_code(returned - called);
    case Outcome::failed: return line + "  failed after " + duration_as_code(returned - called);
    case Outcome::unknown: return line + "  outcome unknown";
  }
  return line;
}

void OperationHistory::advance(Duration at) {
  if (at < now_) {
    throw std::invalid_argument("time runs backwards, from " + std::to_string(now_.count()) + " to " +
                                std::to_string(at.count()));
  }
  now_ = at;
}

OperationHistory::Id OperationHistory::call(std::int64_t process, Kind kind, std::string key, Operation::Value value,
                                            Duration at, Operation::Value expected) {
  const auto latest = latest_.find(process);
  if (latest != latest_.end()) {
    const Outcome outcome = operations_[latest->second].outcome;
    const std::string who = "process " + std::to_string(process);
    if (outcome == Outcome::pending) throw std::invalid_argument(who + " calls again before its last call returned");
    if (outcome == Outcome::unknown) {
      throw std::invalid_argument(who + " calls again after an unknown outcome: it needs a new number");
    }
  }
  advance(at);
  const Id id = operations_.size();
  operations_.push_back({.process = process,
                         .kind = kind,
                         .key = std::move(key),
                         .value = kind == Kind::read ? Operation::Value() : std::move(value),
                         .expected = std::move(expected),
                         .called = at});
  latest_[process] = id;
  events_.push_back(id);
  return id;
}

void OperationHistory::finish(Id id, Outcome outcome, Duration at, Operation::Value read) {
  if (id >= operations_.size() || operations_[id].outcome != Outcome::pending || outcome == Outcome::pending) {
    throw std::invalid_argument("an outcome without a call");
  }
  advance(at);
  Operation& operation = operations_[id];
  operation.outcome = outcome;
  operation.returned = at;
  if (operation.kind == Kind::read) operation.value = std::move(read);
  events_.push_back(id);
}

void OperationHistory::write(std::ostream& out) const {
  std::vector<bool> called(operations_.size(), false);
  for (const Id id : events_) {
    const Operation& operation = operations_[id];
    const bool is_call = !called[id];
    called[id] = true;
    Json value = json_of(operation.kind == Kind::read && is_call ? Operation::Value() : operation.value);
    if (operation.kind == Kind::compare_and_swap) value = Json::array({json_of(operation.expected), std::move(value)});
    const Duration time = is_call ? operation.called : operation.returned;
    const nlohmann::ordered_json line = {
        {"process", operation.process},
        {"type", outcome_names[is_call ? 0 : static_cast<std::size_t>(operation.outcome)]},
        {"op", kind_names[static_cast<std::size_t>(operation.kind)]},
        {"key", operation.key},
        {"value", std::move(value)},
        {"time", time.count()}};
    out << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
}

OperationHistory OperationHistory::read(std::istream& in, std::string_view name) {
  OperationHistory history;
  std::string text_of_line;
  for (std::size_t number = 1; std::getline(in, text_of_line); ++number) {
    if (text_of_line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      Line line = parse(text_of_line);
      if (line.type == Outcome::pending) {
        history.call(line.process, line.kind, std::move(line.key), std::move(line.value), line.time,
                     std::move(line.expected));
        continue;
      }
      const auto latest = history.latest_.find(line.process);
      if (latest == history.latest_.end()) throw std::invalid_argument("an outcome without a call");
      const Operation& operation = history.operations_[latest->second];
      if (operation.key != line.key || operation.kind != line.kind) {
        throw std::invalid_argument("the outcome of another operation than process " + std::to_string(line.process) +
                                    " called");
      }
      history.finish(latest->second, line.type, line.time, std::move(line.value));
    } catch (const std::invalid_argument& error) {
      throw HistoryError(std::string(name) + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return history;
}

}  // namespace deimos::testkit
