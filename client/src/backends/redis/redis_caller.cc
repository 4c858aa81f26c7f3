#include "backends/redis/redis_caller.h"

#include <utility>

#include "backends/redis/redis_script.h"

namespace deimos {
namespace {

using Reason = RedisFailure::Reason;
using Loan = RedisConnections::Loan;

Error about(Error error, std::string_view name, const std::string& key) {
  error.method = name;
  error.key = key;
  error.attempts = 1;
  return error;
}

}  // namespace

std::optional<Error> RedisCaller::may_not_begin(const Deadline& until) const {
  if (!runtime_.is_of_this_process()) {
    return fail(errc::closed, "the backend belongs to the process that forked this one").value();
  }
  runtime_.check_running();
  if (until.stop.stop_requested()) return fail(errc::cancelled, "cancelled before it was sent").value();
  if (runtime_.now() >= until.at) return fail(errc::unavailable, "no time left to send it").value();
  return std::nullopt;
}

template <typename Ask>
auto RedisCaller::with_connection(const Deadline& until, Ask ask) -> decltype(ask(std::declval<Loan&>())) {
  for (;;) {
    auto loan = connections_.borrow(until);
    if (!loan) return tl::unexpected(std::move(loan.error()));
    auto answer = ask(**loan);
    if (answer) return answer;
    const RedisFailure& failure = answer.error();
    const bool was_stale =
        !(*loan)->is_new() && failure.delivery == Delivery::not_sent && failure.reason == Reason::unreachable;
    if (!was_stale) return answer;
  }
}

Error RedisCaller::failed(const RedisFailure& failure, RedisEffect effect, Duration took) {
  const bool gave_up = failure.reason == Reason::cancelled || failure.reason == Reason::closed ||
                       (failure.reason == Reason::timed_out && took < patience_);
  if (!gave_up) connections_.doubt_master();
  return error_of(failure, effect);
}

Result<RedisValue> RedisCaller::run(const RedisStep& step, const Deadline& until) {
  const auto refuse = [&](Error error) { return tl::unexpected<Error>(about(std::move(error), step.name, step.key)); };
  if (auto error = may_not_begin(until)) return refuse(std::move(*error));
  const TimePoint begin = runtime_.now();
  const auto answer = with_connection(until, [&](Loan& loan) {
    RedisResult<RedisValue> said = loan->ask(redis_step(step.name, step.key, step.arguments, false));
    // The server has begun anew, or somebody has flushed its scripts.
    const bool is_unknown = said && said->is_error() && said->text.starts_with("NOSCRIPT");
    return is_unknown ? loan->ask(redis_step(step.name, step.key, step.arguments, true)) : said;
  });
  if (!answer) return refuse(failed(answer.error(), step.effect, runtime_.now() - begin));
  if (answer->is_error()) {
    const RedisRefusal refusal = refusal_of(answer->text);
    if (!refusal.is_of_master) connections_.doubt_master();
    return refuse(error_of(refusal.failure, step.effect));
  }
  if (answer->kind != RedisValue::Kind::array || answer->text_at(0).empty()) {
    return refuse(fail(errc::protocol_error, "the answer is none of this library's script").value());
  }
  return *answer;
}

Result<RedisValue> RedisCaller::read(const RedisCommand& command, const Deadline& until) {
  if (auto error = may_not_begin(until)) return tl::unexpected<Error>(std::move(*error));
  auto answer = with_connection(until, [&](Loan& loan) { return loan->ask(command); });
  if (!answer) return tl::unexpected<Error>(failed(answer.error(), RedisEffect::read));
  if (answer->is_error()) return tl::unexpected<Error>(error_of(refusal_of(answer->text).failure, RedisEffect::read));
  return std::move(*answer);
}

Result<std::unique_ptr<Loan>> RedisCaller::subscribe(const std::string& channel, bool is_pattern,
                                                     const Deadline& until) {
  if (auto error = may_not_begin(until)) return tl::unexpected<Error>(std::move(*error));
  for (;;) {
    auto loan = connections_.borrow(until);
    if (!loan) return tl::unexpected<Error>(failed(loan.error(), RedisEffect::read));
    const RedisResult<void> subscribed = (**loan)->subscribe(channel, is_pattern);
    if (subscribed) return std::move(*loan);
    const bool is_over = (*loan)->is_new() || subscribed.error().reason != Reason::unreachable;
    if (is_over) return tl::unexpected<Error>(failed(subscribed.error(), RedisEffect::read));
  }
}

}  // namespace deimos
