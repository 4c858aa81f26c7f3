#include "keys/key_value_call.h"

#include <utility>

#include <deimos/internal/broken_rule.h>

#include "wire/percent_encoding.h"

namespace deimos {
namespace {

constexpr std::string_view form_type = "application/x-www-form-urlencoded";

Result<Call> call_for(const StoreDialect& dialect, std::string_view key, Call::Kind kind, std::string_view method,
                      std::optional<Duration> timeout) {
  auto normal = normalize_key(key);
  if (!normal) {
    Error error = std::move(normal.error());
    error.method = method;
    error.key = key.substr(0, 200);
    return tl::unexpected<Error>(std::move(error));
  }
  Call call{.kind = kind, .key = std::move(*normal), .request = {}, .value = {}, .timeout = timeout};
  call.request.method = method;
  call.request.target = dialect.keys_path;
  append_encoded_path(call.request.target, call.key);
  return call;
}

Result<Call> write_call(const StoreDialect& dialect, std::string_view key, std::string_view method,
                        std::optional<Duration> timeout) {
  auto call = call_for(dialect, key, Call::Kind::write, method, timeout);
  if (call) call->request.content_type = form_type;
  return call;
}

tl::unexpected<Error> refused(const Call& call, std::string why) {
  auto failure = fail(errc::invalid_argument, std::move(why));
  failure.value().method = call.request.method;
  failure.value().key = call.key;
  return failure;
}

/// Appends the options to the body, then gives the call back; an invalid one instead if they are.
Result<Call> with_options(Call call, const WriteOptions& options) {
  call.wish.avoid = options.avoid_endpoint;
  if (!options.ttl) return call;
  if (*options.ttl < std::chrono::seconds(1))
    return refused(call, internal::broken_rule("ttl must be at least 1s", *options.ttl));
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(*options.ttl);
  append_parameter(call.request.body, "ttl", std::to_string(seconds.count()));
  return call;
}

/// Appends the comparison to `form`, which is a body or a target that ends with its query.
Result<Call> with_comparison(Call call, const Compare& compare, std::string Request::*form) {
  if (!compare.value && !compare.index) return refused(call, "compare must have a value or an index");
  if (compare.value && compare.value->empty()) return refused(call, "compare.value must not be empty");
  if (compare.index && *compare.index == 0) return refused(call, "compare.index must be positive, but is 0");
  std::string& text = call.request.*form;
  if (compare.value) append_parameter(text, "prevValue", *compare.value);
  if (compare.index) append_parameter(text, "prevIndex", std::to_string(*compare.index));
  return call;
}

}  // namespace

Result<Call> get_call(const StoreDialect& dialect, std::string_view key, const GetOptions& options) {
  auto call = call_for(dialect, key, Call::Kind::read, "GET", options.timeout);
  if (call) call->wish.avoid = options.avoid_endpoint;
  if (!call || (!options.recursive && !options.sorted && !dialect.reads_ask_for_quorum)) return call;
  call->request.target += '?';
  if (dialect.reads_ask_for_quorum) append_parameter(call->request.target, "quorum", "true");
  if (options.recursive) append_parameter(call->request.target, "recursive", "true");
  if (options.sorted) append_parameter(call->request.target, "sorted", "true");
  return call;
}

Result<Call> put_call(const StoreDialect& dialect, std::string_view key, std::optional<std::string_view> value,
                      Existence existence, const WriteOptions& options) {
  auto call = write_call(dialect, key, "PUT", options.timeout);
  if (!call) return call;
  std::string& form = call->request.body;
  if (value) {
    append_parameter(form, "value", *value);
    call->value = *value;
  } else {
    append_parameter(form, "dir", "true");
  }
  if (existence != Existence::any)
    append_parameter(form, dialect.previous_exists, existence == Existence::must ? "true" : "false");
  return with_options(std::move(*call), options);
}

Result<Call> post_call(const StoreDialect& dialect, std::string_view directory, std::string_view value,
                       const WriteOptions& options) {
  auto call = write_call(dialect, directory, "POST", options.timeout);
  if (!call) return call;
  append_parameter(call->request.body, "value", value);
  call->value = value;
  return with_options(std::move(*call), options);
}

Result<Call> delete_call(const StoreDialect& dialect, std::string_view key, const RemoveOptions& options) {
  auto call = call_for(dialect, key, Call::Kind::write, "DELETE", options.timeout);
  if (!call || (!options.recursive && !options.dir)) return call;
  call->request.target += '?';
  if (options.recursive) append_parameter(call->request.target, "recursive", "true");
  if (options.dir) append_parameter(call->request.target, "dir", "true");
  return call;
}

Result<Call> compare_and_swap_call(const StoreDialect& dialect, std::string_view key, std::string_view value,
                                   const Compare& compare, const WriteOptions& options) {
  auto call = write_call(dialect, key, "PUT", options.timeout);
  if (!call) return call;
  append_parameter(call->request.body, "value", value);
  call->value = value;
  call = with_comparison(std::move(*call), compare, &Request::body);
  if (!call) return call;
  return with_options(std::move(*call), options);
}

Result<Call> compare_and_delete_call(const StoreDialect& dialect, std::string_view key, const Compare& compare,
                                     const CallOptions& options) {
  auto call = call_for(dialect, key, Call::Kind::write, "DELETE", options.timeout);
  if (!call) return call;
  // In the query: the server does not read the body of a DELETE, and would delete whatever is there.
  call->request.target += '?';
  return with_comparison(std::move(*call), compare, &Request::target);
}

Result<Call> wait_call(const StoreDialect& dialect, std::string_view key, const WaitOptions& options) {
  auto call = call_for(dialect, key, Call::Kind::poll, "GET", options.timeout);
  if (!call) return call;
  std::string& target = call->request.target;
  target += "?wait=true";
  if (options.from_index != 0) append_parameter(target, "waitIndex", std::to_string(options.from_index));
  if (options.recursive) append_parameter(target, "recursive", "true");
  return call;
}

}  // namespace deimos
