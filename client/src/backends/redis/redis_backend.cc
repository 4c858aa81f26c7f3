#include <deimos/redis_backend.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <deimos/thread_runtime.h>

#include "backends/redis/redis_caller.h"
#include "backends/redis/redis_wait.h"

namespace deimos {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

tl::unexpected<Error> passed_on(const Error& error) { return tl::unexpected<Error>(error); }

std::string in_milliseconds(seconds ttl) { return std::to_string(milliseconds(ttl).count()); }

std::uint64_t revision_in(std::string_view text) {
  std::uint64_t revision = 0;
  std::from_chars(text.data(), text.data() + text.size(), revision);
  return revision;
}

/// As the script, and rights to keys such as `/locks/*`, have it.
std::string with_slash(std::string directory) {
  while (directory.ends_with('/')) directory.pop_back();
  return directory + '/';
}

/// A row of the script: name, token, created, revision, what is left of its lease and when it ends, in ms.
LockRecord record_in(const RedisValue& row) {
  LockRecord record;
  record.key = row.text_at(0);
  record.token = row.text_at(1);
  record.created_revision = revision_in(row.text_at(2));
  record.revision = revision_in(row.text_at(3));
  if (const std::int64_t left = row.at(4).integer; left >= 0) {
    record.ttl = std::chrono::ceil<seconds>(milliseconds(left));
    record.expires = std::chrono::sys_time<Duration>(milliseconds(revision_in(row.text_at(5))));
  }
  return record;
}

/// What the words mean with which the script refuses a step.
tl::unexpected<Error> refused(std::string_view word, const std::string& key) {
  if (word == "not_held") return fail(errc::lock_not_held, "the lock's record is gone or another's");
  if (word == "changed") return fail(errc::compare_failed, "the record was written since");
  if (word == "missing") return fail(errc::key_not_found, "there is no record " + key);
  if (word == "exists") return fail(errc::key_already_exists, "there is a record " + key);
  if (word == "not_a_file") {
    return fail(errc::not_a_file, key + " is in use for a lock with a queue, or is a key of another type than string");
  }
  if (word == "not_a_directory") {
    return fail(errc::not_a_directory, key + " is in use for a mutex that is not fair, or for something else");
  }
  return fail(errc::protocol_error, "the answer is none of this library's script");
}

}  // namespace

class RedisBackend::Impl {
 public:
  explicit Impl(RedisOptions options)
      : runtime_(options.runtime ? options.runtime : std::make_shared<ThreadRuntime>()) {
    Result<RedisPlan> plan = check_redis_options(std::move(options));
    if (!plan) {
      problem_ = std::move(plan.error());
      return;
    }
    options_ = plan->options;
    caller_.emplace(*runtime_, std::move(*plan));
  }

  [[nodiscard]] const std::shared_ptr<Runtime>& runtime() const noexcept { return runtime_; }

  Result<RedisValue> run(const RedisStep& step, const Deadline& until) {
    if (problem_) return passed_on(*problem_);
    return caller_->run(step, until);
  }

  /// A step that gives a revision.
  Result<Granted> write(const RedisStep& step, const Deadline& until) {
    const Result<RedisValue> answer = run(step, until);
    if (!answer) return passed_on(answer.error());
    if (answer->text_at(0) == "granted") return Granted{revision_in(answer->text_at(1))};
    return refused(answer->text_at(0), step.key);
  }

  /// A step that removes a record.
  Result<void> remove(const RedisStep& step, const Deadline& until) {
    const Result<RedisValue> answer = run(step, until);
    if (!answer) return passed_on(answer.error());
    if (answer->text_at(0) == "done") return {};
    return refused(answer->text_at(0), step.key);
  }

  Result<std::optional<Change>> wait(RedisScope scope, const std::string& key, std::uint64_t from,
                                     const Deadline& until) {
    if (problem_) return passed_on(*problem_);
    return wait_for_redis_change(*caller_, *runtime_, options_, scope, key, from, until);
  }

  /// Makes known the locks of other clients below that directory.
  Result<void> meet_others(const std::string& directory, const Deadline& until) {
    if (problem_) return passed_on(*problem_);
    constexpr int most_rounds = 100;
    std::string cursor = "0";
    const std::string pattern = escaped_for_redis_pattern(directory) + '*';
    for (int round = 0; round < most_rounds; ++round) {
      const Result<RedisValue> page = caller_->read({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"}, until);
      if (!page) return passed_on(page.error());
      std::vector<std::string> names;
      for (const RedisValue& name : page->at(1).items) names.push_back(name.text);
      if (!names.empty()) {
        const Result<RedisValue> met = run({"meet", directory, std::move(names), RedisEffect::read}, until);
        if (!met) return passed_on(met.error());
      }
      cursor = page->text_at(0);
      if (cursor == "0" || cursor.empty()) break;
    }
    return {};
  }

  void close() noexcept {
    if (caller_ && runtime_->is_of_this_process()) caller_->close();
  }

 private:
  std::shared_ptr<Runtime> runtime_;
  RedisOptions options_;
  std::optional<Error> problem_;
  std::optional<RedisCaller> caller_;
};

RedisBackend::RedisBackend(RedisOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
RedisBackend::~RedisBackend() = default;

std::shared_ptr<Runtime> RedisBackend::runtime() const { return impl_->runtime(); }
void RedisBackend::close() noexcept { impl_->close(); }

Result<std::variant<Granted, Refused>> RedisBackend::acquire(const std::string& key, const std::string& token,
                                                             seconds ttl, const Deadline& until) {
  const Result<RedisValue> answer = impl_->run({"acquire", key, {token, in_milliseconds(ttl)}}, until);
  if (!answer) return passed_on(answer.error());
  const std::uint64_t revision = revision_in(answer->text_at(1));
  if (answer->text_at(0) == "granted") return Granted{revision};
  if (answer->text_at(0) == "refused") return Refused{revision};
  return refused(answer->text_at(0), key);
}

Result<Granted> RedisBackend::take_over(const LockRecord& expired, const std::string& token, seconds ttl,
                                        const Deadline& until) {
  return impl_->write({"replace", expired.key, {std::to_string(expired.revision), token, in_milliseconds(ttl)}}, until);
}

Result<Granted> RedisBackend::renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                    seconds ttl, const Deadline& until) {
  return impl_->write({"renew", key, {token, std::to_string(revision), in_milliseconds(ttl)}}, until);
}

Result<void> RedisBackend::release(const std::string& key, const std::string& token, const Deadline& until) {
  return impl_->remove({"release", key, {token}}, until);
}

Result<void> RedisBackend::force_release(const LockRecord& shown, const Deadline& until) {
  return impl_->remove({"force_release", shown.key, {std::to_string(shown.revision)}}, until);
}

Result<std::optional<Change>> RedisBackend::wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                            const Deadline& until) {
  return impl_->wait(RedisScope::key, key, from_revision, until);
}

Result<std::optional<Change>> RedisBackend::wait_for_any_change(const std::string& queue, std::uint64_t from_revision,
                                                                const Deadline& until) {
  return impl_->wait(RedisScope::below, with_slash(queue), from_revision, until);
}

Result<Inspection> RedisBackend::inspect(const std::string& key, const Deadline& until) {
  const Result<RedisValue> answer = impl_->run({"inspect", key, {}, RedisEffect::read}, until);
  if (!answer) return passed_on(answer.error());
  if (answer->text_at(0) != "seen") return refused(answer->text_at(0), key);
  Inspection seen{std::nullopt, revision_in(answer->text_at(1))};
  if (!answer->at(2).items.empty()) seen.record = record_in(answer->at(2));
  return seen;
}

Result<Listing> RedisBackend::list(const std::string& prefix, const Deadline& until) {
  constexpr const char* page_size = "1000";
  const std::string directory = with_slash(prefix);
  if (const Result<void> met = impl_->meet_others(directory, until); !met) return passed_on(met.error());
  Listing listing;
  std::string after;
  do {
    const Result<RedisValue> page = impl_->run({"list", directory, {after, page_size}, RedisEffect::read}, until);
    if (!page) return passed_on(page.error());
    if (page->text_at(0) != "listed") return refused(page->text_at(0), prefix);
    // Of the first page: whatever changes behind it is told to whoever waits from there on.
    if (after.empty()) listing.revision = revision_in(page->text_at(1));
    after = page->text_at(2);
    for (const RedisValue& row : page->at(3).items) listing.records.push_back(record_in(row));
  } while (!after.empty());
  std::ranges::sort(listing.records, {}, &LockRecord::created_revision);
  return listing;
}

Result<LockRecord> RedisBackend::enqueue(const std::string& queue, const std::string& token, seconds ttl,
                                         const Deadline& until) {
  const Result<RedisValue> answer = impl_->run({"enqueue", queue, {token, in_milliseconds(ttl)}}, until);
  if (!answer) return passed_on(answer.error());
  if (answer->text_at(0) == "placed") return record_in(answer->at(1));
  return refused(answer->text_at(0), queue);
}

Result<Listing> RedisBackend::places(const std::string& queue, const Deadline& until) {
  const Result<RedisValue> answer = impl_->run({"places", queue, {}, RedisEffect::read}, until);
  if (!answer) return passed_on(answer.error());
  if (answer->text_at(0) != "listed") return refused(answer->text_at(0), queue);
  Listing listing{{}, revision_in(answer->text_at(1))};
  for (const RedisValue& row : answer->at(3).items) listing.records.push_back(record_in(row));
  return listing;
}

Result<void> RedisBackend::set_permanent(const std::string& key, const std::string& text,
                                         const std::optional<LockRecord>& shown, const Deadline& until) {
  const Result<Granted> written =
      shown ? impl_->write({"replace", key, {std::to_string(shown->revision), text, ""}}, until)
            : impl_->write({"set_permanent", key, {text}}, until);
  if (!written) return passed_on(written.error());
  return {};
}

}  // namespace deimos
