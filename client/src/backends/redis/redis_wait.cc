#include "backends/redis/redis_wait.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "backends/redis/redis_script.h"

namespace deimos {
namespace {

using std::chrono::milliseconds;

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
  Number number{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = problem == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

std::string_view take_word(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

/// What the history says.
struct Look {
  std::optional<Change> change;
  Duration look_again{};
};

class Wait {
 public:
  Wait(RedisCaller& caller, Runtime& runtime, const RedisOptions& options, RedisScope scope, const std::string& key,
       std::uint64_t from, const Deadline& until)
      : caller_(caller), runtime_(runtime), options_(options), scope_(scope), key_(key), from_(from), until_(until) {}

  Result<std::optional<Change>> run() {
    const bool below = scope_ == RedisScope::below;
    const std::string channel = std::string(redis_channel_prefix);
    const auto subscribed =
        caller_.subscribe(below ? channel + escaped_for_redis_pattern(key_) + '*' : channel + key_, below, until_);
    if (!subscribed) return tl::unexpected<Error>(subscribed.error());
    RedisConnection& connection = ***subscribed;
    while (runtime_.now() < until_.at) {
      Result<Look> look = this->look();
      if (!look && look.error().code == errc::unavailable && runtime_.now() >= until_.at) break;
      if (!look) return tl::unexpected<Error>(std::move(look.error()));
      if (look->change) return std::move(look->change);
      const TimePoint look_at = std::min(until_.at, saturating_add(runtime_.now(), look->look_again));
      auto change = listen(connection, look_at);
      if (!change || *change) return change;
    }
    return std::optional<Change>();
  }

 private:
  /// What is published until then.
  Result<std::optional<Change>> listen(RedisConnection& connection, TimePoint look_at) {
    for (;;) {
      RedisResult<std::optional<RedisMessage>> message = connection.next_message(look_at);
      if (!message) return tl::unexpected<Error>(caller_.failed(message.error(), RedisEffect::read));
      if (!*message) return std::optional<Change>();
      std::string& channel = (*message)->channel;
      if (!channel.starts_with(redis_channel_prefix)) continue;
      std::optional<Change> change = redis_change_in(channel.substr(redis_channel_prefix.size()), (*message)->text);
      if (change && change->revision >= from_) return change;
    }
  }

  Result<Look> look() {
    const bool below = scope_ == RedisScope::below;
    const Result<RedisValue> answer = caller_.run(
        {"first_change", key_, {std::to_string(from_), below ? "below" : "key"}, RedisEffect::read}, until_);
    if (!answer) return tl::unexpected<Error>(answer.error());
    const std::string_view word = answer->text_at(0);
    if (word == "cleared") return fail(errc::history_cleared, "the server keeps no changes as old as that any more");
    Look look;
    if (word == "change") {
      look.change = redis_change_in(std::string(answer->text_at(2)), answer->text_at(1));
      if (look.change) return look;
    }
    const auto left = number_in<std::int64_t>(answer->text_at(1));
    if (word != "none" || !left) return fail(errc::protocol_error, "the answer is none of this library's script");
    const bool is_foreign = answer->text_at(2) == "foreign";
    look.look_again = is_foreign ? options_.foreign_look_interval : options_.look_interval;
    // The instant after its end.
    constexpr std::int64_t longest = 3'600'000;
    if (*left >= 0) look.look_again = std::min<Duration>(look.look_again, milliseconds(std::min(*left, longest) + 1));
    return look;
  }

  RedisCaller& caller_;
  Runtime& runtime_;
  const RedisOptions& options_;
  const RedisScope scope_;
  const std::string& key_;
  const std::uint64_t from_;
  const Deadline& until_;
};

}  // namespace

std::optional<Change> redis_change_in(std::string key, std::string_view text) {
  const std::string_view kind = take_word(text);
  const auto revision = number_in<std::uint64_t>(take_word(text));
  const auto ttl = number_in<std::int64_t>(take_word(text));
  if (!revision || (kind != "set" && kind != "gone" && kind != "over")) return std::nullopt;
  Change change;
  change.key = std::move(key);
  change.revision = *revision;
  change.released = kind != "set";
  change.expired = kind == "over";
  if (ttl) change.ttl = std::chrono::ceil<std::chrono::seconds>(milliseconds(*ttl));
  if (!change.released) change.token = text;
  return change;
}

std::string escaped_for_redis_pattern(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("*?[]^\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Result<std::optional<Change>> wait_for_redis_change(RedisCaller& caller, Runtime& runtime, const RedisOptions& options,
                                                    RedisScope scope, const std::string& key,
                                                    std::uint64_t from_revision, const Deadline& until) {
  return Wait(caller, runtime, options, scope, key, from_revision, until).run();
}

}  // namespace deimos
