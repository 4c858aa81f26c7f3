#include "protocol/etcd3/session.h"

#include <sstream>
#include <stdexcept>

#include "protocol/base64.h"

namespace deimos::fake::etcd3 {
namespace {

constexpr std::size_t most_watches = 10;

/// `"@text"` as `"dGV4dA=="`; `\xHH` in it is a byte.
std::string with_base64(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    out += text[at];
    if (text[at] != '"' || at + 1 == text.size() || text[at + 1] != '@') continue;
    std::string bytes;
    for (at += 2; at < text.size() && text[at] != '"'; ++at) {
      if (text.compare(at, 2, "\\x") == 0) {
        bytes += static_cast<char>(std::stoi(text.substr(at + 2, 2), nullptr, 16));
        at += 3;
      } else {
        bytes += text[at];
      }
    }
    append_base64(out, bytes);
    out += '"';
  }
  return out;
}

Step parse(const std::string& line) {
  const std::size_t space = line.find(' ');
  if (space == std::string::npos) return {line};
  return {line.substr(0, space), line.substr(space + 1)};
}

}  // namespace

Request Step::request() const {
  Request request;
  if (verb.starts_with('/') || verb == "WATCH") {
    request.method = "POST";
    const std::string path = verb == "WATCH" ? "/watch" : verb;
    request.target = path.starts_with("/v3") ? path : "/v3" + path;
    request.body = with_base64(body);
  } else {
    request.method = verb;
    request.target = body;
  }
  return request;
}

std::vector<Session> read_sessions(std::istream& lines) {
  std::vector<Session> sessions;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line.starts_with("# ")) {
      sessions.push_back({line.substr(2), {}});
    } else if (sessions.empty()) {
      throw std::runtime_error("a step before the first '# NAME'");
    } else {
      sessions.back().steps.push_back(parse(line));
    }
  }
  return sessions;
}

std::string RandomSteps::one_of(const std::vector<std::string>& texts) { return texts[random_.below(texts.size())]; }

std::string RandomSteps::object(const Fields& fields) {
  std::string text;
  for (const std::string& field : fields) {
    if (!field.empty()) text += (text.empty() ? "" : ",") + field;
  }
  return "{" + text + "}";
}

std::string RandomSteps::key() {
  if (random_.chance(0.01)) return "\"key\":\"\"";
  return "\"key\":\"@" + one_of({"a", "b", "c", "a/x", "a/y", "b\\x00", "\\xff", "\\x00"}) + "\"";
}
std::string RandomSteps::value() {
  if (random_.chance(0.1)) return {};
  return "\"value\":\"@" + one_of({"1", "2", "3", "\\xff\\x00", "a longer value, with <markup>"}) + "\"";
}
std::string RandomSteps::range(bool may_be_endless) {
  if (random_.chance(0.45)) return key();
  std::string end = one_of({"b", "c", "d", "a0", "\\xff\\xff", "\\x00"});
  if (!may_be_endless && end == "\\x00") end = "z";
  return key() + ",\"range_end\":\"@" + end + "\"";
}
std::string RandomSteps::lease() { return std::to_string(1 + random_.below(5)); }
std::string RandomSteps::flag(const char* name) {
  return "\"" + std::string(name) + "\":" + (random_.chance(0.8) ? "true" : "false");
}
std::string RandomSteps::revision_near(std::int64_t revision) {
  const auto back = static_cast<std::int64_t>(random_.below(random_.chance(0.1) ? 300 : 12));
  return "\"" + std::to_string(revision + 1 - back) + "\"";
}

std::string RandomSteps::range_request(std::int64_t revision) {
  Fields fields{range(true)};
  if (random_.chance(0.25)) fields.push_back("\"limit\":" + one_of({"1", "\"2\"", "3", "\"-1\"", "9"}));
  if (random_.chance(0.25)) fields.push_back("\"revision\":" + revision_near(revision));
  if (random_.chance(0.3)) {
    fields.push_back("\"sort_order\":" + one_of({"\"NONE\"", "\"ASCEND\"", "\"DESCEND\"", "1", "2", "7"}));
  }
  if (random_.chance(0.3)) {
    fields.push_back("\"sort_target\":" +
                     one_of({"\"KEY\"", "\"VERSION\"", "\"CREATE\"", "\"MOD\"", "\"VALUE\"", "3"}));
  }
  for (const char* name : {"serializable", "keys_only", "count_only"}) {
    if (random_.chance(0.1)) fields.push_back(flag(name));
  }
  for (const char* name : {"min_mod_revision", "max_mod_revision", "min_create_revision", "maxCreateRevision"}) {
    if (random_.chance(0.06)) fields.push_back("\"" + std::string(name) + "\":" + revision_near(revision));
  }
  return object(fields);
}

std::string RandomSteps::put_request() {
  const bool ignores_value = random_.chance(0.07);
  const bool ignores_lease = random_.chance(0.07);
  Fields fields{key()};
  if (!ignores_value || random_.chance(0.1)) fields.push_back(value());
  if (ignores_lease ? random_.chance(0.1) : random_.chance(0.3)) fields.push_back("\"lease\":\"" + lease() + "\"");
  if (ignores_value) fields.emplace_back("\"ignore_value\":true");
  if (ignores_lease) fields.emplace_back("\"ignore_lease\":true");
  if (random_.chance(0.3)) fields.push_back(flag("prev_kv"));
  random_.shuffle(fields);
  return object(fields);
}

std::string RandomSteps::delete_request(bool may_be_endless) {
  Fields fields{range(may_be_endless)};
  if (random_.chance(0.4)) fields.push_back(flag("prev_kv"));
  return object(fields);
}

std::string RandomSteps::compare(std::int64_t revision) {
  const std::string kind = one_of({"VERSION", "CREATE", "MOD", "VALUE", "LEASE"});
  Fields fields{range(true)};
  if (random_.chance(0.95)) fields.push_back("\"target\":\"" + kind + "\"");
  if (random_.chance(0.95)) {
    fields.push_back("\"result\":" + one_of({"\"EQUAL\"", "\"GREATER\"", "\"LESS\"", "\"NOT_EQUAL\"", "1", "9"}));
  }
  if (random_.chance(0.9)) {
    const std::string against = random_.chance(0.95) ? kind : "LEASE";
    if (against == "VERSION") fields.push_back("\"version\":\"" + std::to_string(random_.below(4)) + "\"");
    if (against == "CREATE") {
      fields.push_back("\"create_revision\":" + (random_.chance(0.4) ? "\"0\"" : revision_near(revision)));
    }
    if (against == "MOD") fields.push_back("\"mod_revision\":" + revision_near(revision));
    if (against == "VALUE") fields.push_back(value());
    if (against == "LEASE") fields.push_back("\"lease\":\"" + std::to_string(random_.below(4)) + "\"");
  }
  return object(fields);
}

std::string RandomSteps::operations(std::int64_t revision, int depth) {
  std::string text;
  for (std::uint64_t left = random_.below(4); left > 0; --left) {
    const std::uint64_t kind = random_.below(100);
    std::string operation = "{}";
    if (kind < 30) operation = R"({"request_range":)" + range_request(revision) + "}";
    if (kind >= 30 && kind < 70) operation = R"({"request_put":)" + put_request() + "}";
    if (kind >= 70 && kind < 84) operation = R"({"requestDeleteRange":)" + delete_request(false) + "}";
    if (kind >= 84 && kind < 99 && depth < 3) operation = R"({"request_txn":)" + txn(revision, depth + 1) + "}";
    text += (text.empty() ? "" : ",") + operation;
  }
  return "[" + text + "]";
}

std::string RandomSteps::txn(std::int64_t revision, int depth) {
  std::string compares;
  for (std::uint64_t left = random_.below(3); left > 0; --left) {
    compares += (compares.empty() ? "" : ",") + compare(revision);
  }
  return object({"\"compare\":[" + compares + "]", "\"success\":" + operations(revision, depth),
                 "\"failure\":" + operations(revision, depth)});
}

Step RandomSteps::lease_step() {
  const std::string id = "\"ID\":\"" + lease() + "\"";
  const std::uint64_t kind = random_.below(100);
  if (kind < 4) {
    has_short_lease_ = true;
    return {"/lease/grant", object({id, "\"TTL\":\"2\""})};
  }
  if (kind < 50)
    return {"/lease/grant", object({id, "\"TTL\":\"" + std::to_string(1000 + random_.below(1000)) + "\""})};
  if (kind < 62) return {one_of({"/lease/revoke", "/kv/lease/revoke"}), object({id})};
  if (kind < 78) return {"/lease/keepalive", object({id}) + (random_.chance(0.2) ? object({id}) : "")};
  if (kind < 94) return {one_of({"/lease/timetolive", "/kv/lease/timetolive"}), object({id, flag("keys")})};
  return {one_of({"/lease/leases", "/kv/lease/leases"}), "{}"};
}

Step RandomSteps::watch(std::int64_t revision) {
  const auto creation = [&] {
    Fields fields{range(true)};
    if (random_.chance(0.6)) fields.push_back("\"start_revision\":" + revision_near(revision));
    if (random_.chance(0.3)) fields.push_back(flag("prev_kv"));
    if (random_.chance(0.2)) fields.push_back("\"filters\":[" + one_of({"\"NOPUT\"", "\"NODELETE\"", "0,1"}) + "]");
    if (random_.chance(0.2)) fields.push_back("\"watch_id\":\"" + std::to_string(random_.below(3)) + "\"");
    return R"({"create_request":)" + object(fields) + "}";
  };
  std::string messages = creation();
  while (random_.chance(0.2)) messages += creation();
  // Of a watch of the past, whether it comes to that before it is cancelled is a matter of milliseconds.
  if (random_.chance(0.3) && messages.find("start_revision") == std::string::npos) {
    messages += R"({"cancel_request":{"watch_id":"1"}})";
  }
  return {"WATCH", messages};
}

Step RandomSteps::strange() {
  static const std::vector<Step> steps = {
      {"/kv/put", "{"},
      {"/kv/put", "[]"},
      {"/kv/put", R"({"key":5})"},
      {"/kv/put", R"({"key":"YQ"})"},
      {"/kv/put", R"({"key":"@a","lease":"x"})"},
      {"/kv/put", R"({"key":"@a","lease":7.5})"},
      {"/kv/put", R"({"key":"@a","prev_kv":"true"})"},
      {"/kv/put", R"({"key":"@a","lease":"99"})"},
      {"/kv/range", R"({"key":"@a","sort_order":"UP"})"},
      {"/kv/range", R"({"key":"@a"} and more)"},
      {"/kv/nothing", "{}"},
      {"/v3beta/kv/range", R"({"key":"@a","range_end":"@z"})"},
      {"/v3alpha/kv/range", R"({"key":"@a"})"},
      {"GET", "/v3/kv/range"},
      {"GET", "/version"},
      {"GET", "/health"},
      {"PUT", "/version"},
      {"GET", "/v3//kv/range"},
      {"/kv/txn", R"({"success":{}})"},
      {"/lease/keepalive", "{"},
      {"/lease/grant", R"({"ID":"9","TTL":"9000000001"})"},
      {"/maintenance/status", "{}"},
      {"/cluster/member/list", "{}"},
      {"/auth/authenticate", R"({"name":"a","password":"b"})"},
  };
  return steps[random_.below(steps.size())];
}

Step RandomSteps::next(std::int64_t revision, std::size_t watches) {
  if (has_short_lease_) {
    // Before anything else: whether it has ended yet is then no question of milliseconds.
    has_short_lease_ = false;
    return {"SLEEP", "3400"};
  }
  const std::uint64_t kind = random_.below(1000);
  if (kind < 180) return {"/kv/range", range_request(revision)};
  if (kind < 430) return {"/kv/put", put_request()};
  if (kind < 510) return {"/kv/deleterange", delete_request(true)};
  if (kind < 720) return {"/kv/txn", txn(revision, 1)};
  if (kind < 850) return lease_step();
  if (kind < 870) return {"/kv/compaction", object({"\"revision\":" + revision_near(revision), "\"physical\":true"})};
  if (kind < 960) return watches < most_watches ? watch(revision) : Step{"LEAVE"};
  return strange();
}

}  // namespace deimos::fake::etcd3
