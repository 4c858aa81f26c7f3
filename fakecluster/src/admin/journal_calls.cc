// What the admin API says of requests: the journal, and the waiting for what is to come.
#include <charconv>
#include <chrono>
#include <cstddef>
#include <limits>

#include <deimos/internal/rfc3339.h>

#include "admin/admin_call.h"
#include "admin/fault_json.h"
#include "admin/journal_json.h"
#include "faults/fault_text.h"

namespace deimos::fake {
namespace {

using std::chrono::nanoseconds;

/// What happens on the way takes real time, in which nobody else is served.
constexpr std::chrono::hours longest_wait{24};
/// At each thing that happens.
constexpr std::chrono::seconds longest_settling{10};

/// A parameter of a query as the JSON value that it would be in a body.
Json value_of(const std::string& name, const std::string& text) {
  if (name == "lost" && (text == "true" || text == "false")) return text == "true";
  if (name != "node" && name != "status" && name != "since" && name != "limit") return text;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return text;
  return number;
}

std::uint64_t take_number(Json& body, const char* name, std::uint64_t otherwise) {
  const std::optional<Json> number = take(body, name);
  return number ? number_of(*number, name) : otherwise;
}

template <typename Call>
auto with_journal(Call call) {
  try {
    return call();
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const std::logic_error&) {
    throw Refused(409, "no journal is kept: start deimos-fake without --journal 0");
  }
}

}  // namespace

Json get_journal(const AdminCall& call) {
  Json filter = Json::object();
  for (const auto& [name, text] : call.parameters) filter[name] = value_of(name, text);
  const std::uint64_t limit = take_number(filter, "limit", std::numeric_limits<std::size_t>::max());
  return with_journal([&] { return json_of(call.cluster.journal(journal_filter_of(filter, ""), limit)); });
}

Json delete_journal(const AdminCall& call) {
  with_journal([&] { call.cluster.clear_journal(); });
  return Json::object();
}

Json verify_journal(const AdminCall& call) {
  Json body = call.object();
  const std::optional<Json> match = take(body, "match");
  const JournalFilter filter = match ? journal_filter_of(*match, "match") : JournalFilter{};
  const bool bounded = body.contains("at_least") || body.contains("at_most");
  Times times;
  if (const std::optional<Json> exactly = take(body, "exactly")) {
    if (bounded) throw std::invalid_argument("'exactly' and 'at_least' or 'at_most' exclude each other");
    times = Times::exactly(number_of(*exactly, "exactly"));
  } else if (!bounded) {
    throw std::invalid_argument(R"(expected how often, as {"match": {"method": "PUT"}, "exactly": 3})");
  }
  times.at_least = take_number(body, "at_least", times.at_least);
  times.at_most = take_number(body, "at_most", times.at_most);
  check_all_taken(body, "match, exactly, at_least, at_most");
  const JournalVerdict verdict = with_journal([&] { return call.cluster.verify(filter, times); });
  if (verdict.holds) return {{"count", verdict.count}, {"description", verdict.text}};
  Json nearest = Json::array();
  for (const JournalEntry& entry : verdict.nearest) nearest.push_back(json_of(entry));
  throw Unmet(verdict.text, {{"count", verdict.count}, {"nearest", std::move(nearest)}});
}

Json post_wait(const AdminCall& call) {
  Json body = call.object();
  const std::optional<Json> until = take(body, "until");
  if (!until) throw std::invalid_argument(R"(expected {"until": {"kind": "key_exists", "key": "/a"}, "within": "5s"})");
  const Condition condition = condition_of(*until, "until");
  WaitOptions options;
  if (const std::optional<Json> within = take(body, "within")) options.within = duration_of(*within, "within");
  if (options.within > longest_wait) throw std::invalid_argument("within: at most 24h");
  if (const std::optional<Json> settle = take(body, "settle")) {
    const nanoseconds time = duration_of(*settle, "settle");
    if (time > longest_settling) throw std::invalid_argument("settle: at most 10s");
    options.settle = std::chrono::ceil<std::chrono::milliseconds>(time);
  }
  check_all_taken(body, "until, within, settle");
  const WaitResult result = with_journal([&] { return call.cluster.wait_until(condition, options, call.stop); });
  Json details{{"now", internal::rfc3339_text(result.at)}, {"waited", duration_text(result.waited)}};
  if (!result.held) throw Unmet(result.text, std::move(details));
  details["description"] = result.text;
  return details;
}

}  // namespace deimos::fake
