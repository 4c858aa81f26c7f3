#include <deimos/fenced_key.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace deimos {
namespace {

constexpr std::string_view mark = "fenced ";

/// `fenced TOKEN;` and the text.
std::string stored(std::uint64_t token, std::string_view text) {
  std::string value = std::string(mark) + std::to_string(token) + ';';
  value += text;
  return value;
}

FencedKey::Value value_of(const Node& node) {
  FencedKey::Value value{node.value.value_or(""), 0, node.modified_index};
  std::string_view rest = value.text;
  if (!rest.starts_with(mark)) return value;
  rest.remove_prefix(mark.size());
  std::uint64_t token = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), token);
  if (problem != std::errc() || end == rest.data() + rest.size() || *end != ';') return value;
  value.fencing_token = token;
  value.text = std::string(end + 1, rest.data() + rest.size());
  return value;
}

}  // namespace

FencedKey::FencedKey(Client client, std::string_view key) : client_(std::move(client)), key_(key) {}

Result<std::optional<FencedKey::Value>> FencedKey::read(const CallOptions& options, std::stop_token stop) const {
  const Result<Answer> answer = client_.get(key_, {.timeout = options.timeout}, std::move(stop));
  if (answer) {
    if (answer->node.dir) return fail(errc::not_a_file, key_ + " is a directory");
    return value_of(answer->node);
  }
  if (answer.error().code == errc::key_not_found) return std::optional<Value>();
  return tl::unexpected<Error>(answer.error());
}

Result<std::uint64_t> FencedKey::write(std::uint64_t fencing_token, std::string_view text, const CallOptions& options,
                                       std::stop_token stop) const {
  if (fencing_token == 0) return fail(errc::invalid_argument, "a fencing token is not 0: the lock was not held");
  Runtime& runtime = *client_.runtime();
  const TimePoint deadline = options.timeout ? saturating_add(runtime.now(), *options.timeout) : TimePoint::max();
  const auto left = [&]() -> std::optional<Duration> {
    if (!options.timeout) return std::nullopt;
    return std::max(deadline - runtime.now(), Duration::zero());
  };
  for (;;) {
    const Result<std::optional<Value>> seen = read({.timeout = left()}, stop);
    if (!seen) return tl::unexpected<Error>(seen.error());
    if (*seen && (*seen)->fencing_token > fencing_token) {
      return fail(errc::lock_not_held, "fencing token " + std::to_string(fencing_token) + " is of the past: " +
                                           std::to_string((*seen)->fencing_token) + " has written " + key_);
    }
    const WriteOptions wishes{.timeout = left()};
    const std::string value = stored(fencing_token, text);
    const Result<Answer> written = *seen
                                       ? client_.compare_and_swap(key_, value, {.index = (*seen)->index}, wishes, stop)
                                       : client_.create(key_, value, wishes, stop);
    if (written) return written->node.modified_index;
    const std::error_code& code = written.error().code;
    const bool changed =
        code == errc::compare_failed || code == errc::key_not_found || code == errc::key_already_exists;
    if (!changed || stop.stop_requested() || runtime.now() >= deadline) return tl::unexpected<Error>(written.error());
  }
}

}  // namespace deimos
