#include "backends/etcd/etcd_messages.h"

#include <charconv>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

#include "wire/base64.h"

namespace deimos::etcd {
namespace {

using nlohmann::json;

tl::unexpected<std::string> refuse(std::string why) { return tl::unexpected<std::string>(std::move(why)); }

/// What is nested deeper than any message is left out, so that nothing that handles the result can exhaust the stack.
Read<json> parse(std::string_view text) {
  constexpr int deepest = 16;
  bool too_deep = false;
  const json::parser_callback_t guard = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > deepest;
    return !too_deep;
  };
  json document = json::parse(text.begin(), text.end(), guard, false);
  if (too_deep) return refuse("it is nested deeper than " + std::to_string(deepest) + " levels");
  if (document.is_discarded()) return refuse("it is not JSON, or broken off");
  if (!document.is_object()) return refuse("it is no JSON object");
  return document;
}

/// The members of one object; the first that is not as it must be is remembered.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  std::int64_t number(const char* name) {
    const json* const value = find(name);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned()) {
      const auto plain = value->get<std::uint64_t>();
      if (plain <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return static_cast<std::int64_t>(plain);
    } else if (value->is_number_integer()) {
      return value->get<std::int64_t>();
    } else if (value->is_string()) {
      const auto& text = value->get_ref<const std::string&>();
      std::int64_t plain = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), plain);
      if (error == std::errc() && end == text.data() + text.size()) return plain;
    }
    wrong(name, "no 64-bit number");
    return 0;
  }
  std::uint64_t revision(const char* name) {
    const std::int64_t plain = number(name);
    if (plain < 0) wrong(name, "negative");
    return plain < 0 ? 0 : static_cast<std::uint64_t>(plain);
  }
  bool flag(const char* name) {
    const json* const value = find(name);
    if (value != nullptr && !value->is_boolean()) wrong(name, "no boolean");
    return value != nullptr && value->is_boolean() && value->get<bool>();
  }
  std::string text(const char* name) {
    const json* const value = find(name);
    if (value != nullptr && !value->is_string()) wrong(name, "no text");
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
  }
  std::string bytes(const char* name) { return decoded(name, text(name)); }
  /// Null if it is not there.
  const json* object(const char* name) {
    const json* const value = find(name);
    if (value == nullptr || value->is_object()) return value;
    wrong(name, "no object");
    return nullptr;
  }
  template <typename Take>
  void each(const char* name, Take take) {
    const json* const value = find(name);
    if (value == nullptr) return;
    if (!value->is_array()) return wrong(name, "no array");
    for (const json& element : *value) take(element);
  }
  std::string decoded(const char* name, const std::string& text) {
    auto bytes = decode_base64(text);
    if (!bytes) wrong(name, "no base64");
    return bytes ? std::move(*bytes) : std::string();
  }
  void wrong(const char* name, const char* how) {
    if (problem_.empty()) problem_ = std::string("`") + name + "` is " + how;
  }
  void take_problem(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  const json* find(const char* name) const {
    const auto found = object_.find(name);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const json& object_;
  std::string problem_;
};

KeyValue pair_of(const json& element, Fields& outer) {
  KeyValue pair;
  if (!element.is_object()) {
    outer.take_problem("a key-value pair is no object");
    return pair;
  }
  Fields fields(element);
  pair.key = fields.bytes("key");
  pair.value = fields.bytes("value");
  pair.create_revision = fields.revision("create_revision");
  pair.mod_revision = fields.revision("mod_revision");
  pair.lease = fields.number("lease");
  if (pair.key.empty() || pair.mod_revision == 0) fields.take_problem("a key-value pair lacks `key` or `mod_revision`");
  outer.take_problem(fields.problem());
  return pair;
}

std::uint64_t header_revision(Fields& fields) {
  const json* const header = fields.object("header");
  if (header == nullptr) {
    fields.take_problem("it lacks `header`");
    return 0;
  }
  Fields inner(*header);
  const std::uint64_t revision = inner.revision("revision");
  fields.take_problem(inner.problem());
  return revision;
}

void read_step(const json& element, Fields& outer, TxnAnswer& answer) {
  std::vector<KeyValue>& found = answer.found.emplace_back();
  answer.nested_succeeded.push_back(false);
  if (!element.is_object()) return outer.take_problem("a response is no object");
  Fields fields(element);
  if (const json* const range = fields.object("response_range")) {
    Fields inner(*range);
    inner.each("kvs", [&](const json& pair) { found.push_back(pair_of(pair, inner)); });
    outer.take_problem(inner.problem());
  }
  if (const json* const nested = fields.object("response_txn")) {
    Fields inner(*nested);
    answer.nested_succeeded.back() = inner.flag("succeeded");
    outer.take_problem(inner.problem());
  }
  outer.take_problem(fields.problem());
}

void read_watch_result(Fields& fields, WatchAnswer& answer) {
  answer.compact_revision = fields.revision("compact_revision");
  if (fields.flag("canceled") && answer.compact_revision == 0) {
    answer.problem = fields.text("cancel_reason");
    if (answer.problem.empty()) answer.problem = "the store ended the watch";
  }
  fields.each("events", [&](const json& element) {
    WatchEvent event;
    if (!element.is_object()) return fields.take_problem("an event is no object");
    Fields inner(element);
    const std::string type = inner.text("type");
    event.removed = type == "DELETE";
    if (!event.removed && !type.empty() && type != "PUT") inner.take_problem("an event's `type` is unknown");
    const json* const pair = inner.object("kv");
    if (pair == nullptr) return fields.take_problem("an event lacks `kv`");
    event.pair = pair_of(*pair, inner);
    fields.take_problem(inner.problem());
    answer.events.push_back(std::move(event));
  });
}

Read<WatchAnswer> read_watch_line(std::string_view line) {
  const Read<json> document = parse(line);
  if (!document) return refuse(document.error());
  Fields fields(*document);
  WatchAnswer answer;
  if (const json* const error = fields.object("error")) {
    Fields inner(*error);
    answer.problem = inner.text("message");
    if (answer.problem.empty()) answer.problem = "an error without a message";
    return answer;
  }
  const json* const result = fields.object("result");
  if (result == nullptr) return refuse("it lacks `result`");
  Fields inner(*result);
  read_watch_result(inner, answer);
  if (!inner.problem().empty()) return refuse(inner.problem());
  return answer;
}

std::string quoted_base64(const std::string& bytes) { return '"' + encode_base64(bytes) + '"'; }

std::string key_range(const std::string& prefix) {
  return R"("key":)" + quoted_base64(prefix) + R"(,"range_end":)" + quoted_base64(end_of_prefix(prefix));
}

}  // namespace

std::string end_of_prefix(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

Txn& Txn::compare(const std::string& text) {
  compares_ += (compares_.empty() ? "{" : ",{") + text + '}';
  return *this;
}

Txn& Txn::step(const std::string& text) {
  std::string& steps = steps_[branch_];
  steps += (steps.empty() ? "{" : ",{") + text + '}';
  return *this;
}

Txn& Txn::if_absent(const std::string& key) {
  return compare(R"("target":"CREATE","create_revision":"0","key":)" + quoted_base64(key));
}
Txn& Txn::if_none_below(const std::string& prefix) {
  return compare(R"("target":"CREATE","create_revision":"0",)" + key_range(prefix));
}
Txn& Txn::if_revision(const std::string& key, std::uint64_t mod_revision) {
  return compare(R"("target":"MOD","mod_revision":")" + std::to_string(mod_revision) + R"(","key":)" +
                 quoted_base64(key));
}
Txn& Txn::if_value(const std::string& key, const std::string& value) {
  return compare(R"("target":"VALUE","key":)" + quoted_base64(key) + R"(,"value":)" + quoted_base64(value));
}
Txn& Txn::then_put(const std::string& key, const std::string& value, std::int64_t lease) {
  writes_ = true;
  return step(R"("request_put":{"key":)" + quoted_base64(key) + R"(,"value":)" + quoted_base64(value) +
              R"(,"lease":")" + std::to_string(lease) + "\"}");
}
Txn& Txn::then_remove(const std::string& key) {
  writes_ = true;
  return step(R"("request_delete_range":{"key":)" + quoted_base64(key) + '}');
}
Txn& Txn::then_range(const std::string& key) { return step(R"("request_range":{"key":)" + quoted_base64(key) + '}'); }
Txn& Txn::then_list(const std::string& prefix) {
  return step(R"("request_range":{"sort_order":"ASCEND","sort_target":"CREATE",)" + key_range(prefix) + '}');
}
Txn& Txn::then_any_below(const std::string& prefix) {
  return step(R"("request_range":{"limit":"1","keys_only":true,)" + key_range(prefix) + '}');
}
Txn& Txn::then_txn(const Txn& nested) {
  writes_ = writes_ || nested.writes_;
  return step(R"("request_txn":)" + nested.json());
}
Txn& Txn::otherwise() {
  branch_ = 1;
  return *this;
}
Txn& Txn::if_so() {
  branch_ = 0;
  return *this;
}
std::string Txn::json() const {
  return R"({"compare":[)" + compares_ + R"(],"success":[)" + steps_[0] + R"(],"failure":[)" + steps_[1] + "]}";
}

Read<TxnAnswer> read_txn(std::string_view body) {
  const Read<json> document = parse(body);
  if (!document) return refuse(document.error());
  Fields fields(*document);
  TxnAnswer answer;
  answer.revision = header_revision(fields);
  answer.succeeded = fields.flag("succeeded");
  fields.each("responses", [&](const json& element) { read_step(element, fields, answer); });
  if (!fields.problem().empty()) return refuse(fields.problem());
  return answer;
}

Read<LeaseAnswer> read_lease(std::string_view body, bool in_stream) {
  const Read<json> document = parse(body.substr(0, in_stream ? body.find('\n') : body.size()));
  if (!document) return refuse(document.error());
  Fields outer(*document);
  const json* const result = in_stream ? outer.object("result") : &*document;
  if (result == nullptr) return refuse("it lacks `result`");
  Fields fields(*result);
  LeaseAnswer answer;
  static_cast<void>(header_revision(fields));
  answer.ttl = fields.number("TTL");
  fields.each("keys", [&](const json& key) {
    if (!key.is_string()) return fields.take_problem("a key is no text");
    answer.keys.push_back(fields.decoded("keys", key.get_ref<const std::string&>()));
  });
  if (!fields.problem().empty()) return refuse(fields.problem());
  return answer;
}

Read<WatchAnswer> read_watch(std::string_view body) {
  for (std::size_t end = body.find('\n'); end != std::string_view::npos; end = body.find('\n')) {
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (line.empty()) continue;
    Read<WatchAnswer> answer = read_watch_line(line);
    if (!answer || answer->says_anything()) return answer;
  }
  return WatchAnswer{};
}

Refusal read_refusal(std::string_view body) {
  const Read<json> document = parse(body);
  if (!document) return {};
  Fields fields(*document);
  Refusal refusal;
  const auto in_stream = document->find("error");
  if (in_stream != document->end() && in_stream->is_object()) {
    Fields inner(*in_stream);
    refusal = {inner.number("grpc_code"), inner.text("message")};
    return inner.problem().empty() ? refusal : Refusal{};
  }
  refusal.code = fields.number("code");
  refusal.message = fields.text("message");
  if (refusal.message.empty()) refusal.message = fields.text("error");
  return fields.problem().empty() ? refusal : Refusal{};
}

Read<std::string> read_version(std::string_view body) {
  const Read<json> document = parse(body);
  if (!document) return refuse(document.error());
  Fields fields(*document);
  std::string version = fields.text("etcdserver");
  if (version.empty()) return refuse("it lacks `etcdserver`");
  return version;
}

Read<std::string> read_token(std::string_view body) {
  const Read<json> document = parse(body);
  if (!document) return refuse(document.error());
  Fields fields(*document);
  std::string token = fields.text("token");
  if (token.empty() || token.find_first_of("\r\n") != std::string::npos) return refuse("it lacks `token`");
  return token;
}

std::string watch_json(const std::string& key, bool all_below, std::uint64_t from_revision) {
  return R"({"create_request":{"start_revision":")" + std::to_string(from_revision) + R"(","progress_notify":true,)" +
         (all_below ? key_range(key) : R"("key":)" + quoted_base64(key)) + "}}";
}

std::string credentials_json(const std::string& user, const std::string& password) {
  // What is no UTF-8 is replaced, and so refused by the store.
  return json{{"name", user}, {"password", password}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace deimos::etcd
