#include <deimos/deimos_backend.h>

#include <algorithm>
#include <utility>

namespace deimos {
namespace {

tl::unexpected<Error> passed_on(const Error& error) { return tl::unexpected<Error>(error); }

/// The node is not the file that was written: gone, or something else by now.
bool says_gone(const Error& error) {
  return error.code == errc::key_not_found || error.code == errc::compare_failed || error.code == errc::not_a_file ||
         error.code == errc::not_a_directory;
}

tl::unexpected<Error> not_held(Error error) {
  error.cause = error.cause.empty() ? error.message : error.message + " " + error.cause;
  error.message = "the lock's record is gone or another's";
  error.code = errc::lock_not_held;
  return tl::unexpected<Error>(std::move(error));
}

LockRecord record_of(const Node& node) {
  LockRecord record;
  record.key = node.key;
  record.token = node.value.value_or("");
  record.created_revision = node.created_index;
  record.revision = node.modified_index;
  record.ttl = node.ttl;
  record.expires = node.expiration;
  return record;
}

void collect_files(const Node& node, std::vector<LockRecord>& records) {
  if (!node.dir) records.push_back(record_of(node));
  for (const Node& child : node.children) collect_files(child, records);
}

}  // namespace

DeimosBackend::DeimosBackend(Client client) noexcept : client_(std::move(client)) {}

Duration DeimosBackend::left(const Deadline& until) const {
  if (until.at == TimePoint::max()) return Duration::max();
  return std::max(until.at - client_.runtime()->now(), Duration::zero());
}

WriteOptions DeimosBackend::write_options(std::chrono::seconds ttl, const Deadline& until) const {
  return {.ttl = ttl, .timeout = left(until), .avoid_endpoint = until.avoid_endpoint};
}

Result<std::variant<Granted, Refused>> DeimosBackend::acquire(const std::string& key, const std::string& token,
                                                              std::chrono::seconds ttl, const Deadline& until) {
  const Result<Answer> answer = client_.create(key, token, write_options(ttl, until), until.stop);
  if (answer) return Granted{answer->node.modified_index};
  if (answer.error().code == errc::key_already_exists) return Refused{answer.error().index};
  return passed_on(answer.error());
}

Result<Granted> DeimosBackend::take_over(const LockRecord& expired, const std::string& token, std::chrono::seconds ttl,
                                         const Deadline& until) {
  const Result<Answer> answer =
      client_.compare_and_swap(expired.key, token, {.index = expired.revision}, write_options(ttl, until), until.stop);
  if (answer) return Granted{answer->node.modified_index};
  return passed_on(answer.error());
}

Result<Granted> DeimosBackend::renew(const std::string& key, const std::string& token, std::uint64_t revision,
                                     std::chrono::seconds ttl, const Deadline& until) {
  const Result<Answer> answer =
      client_.compare_and_swap(key, token, {.value = token, .index = revision}, write_options(ttl, until), until.stop);
  if (answer) return Granted{answer->node.modified_index};
  // The cause says of which the compare failed: of the value, of the index, or of both, in this order.
  const bool is_ours =
      answer.error().code == errc::compare_failed && !answer.error().cause.starts_with("[" + token + " != ");
  if (is_ours) return passed_on(answer.error());
  return says_gone(answer.error()) ? not_held(answer.error()) : passed_on(answer.error());
}

Result<void> DeimosBackend::release(const std::string& key, const std::string& token, const Deadline& until) {
  const Result<Answer> answer = client_.compare_and_delete(key, {.value = token}, {.timeout = left(until)}, until.stop);
  if (answer) return {};
  return says_gone(answer.error()) ? not_held(answer.error()) : passed_on(answer.error());
}

Result<void> DeimosBackend::force_release(const LockRecord& shown, const Deadline& until) {
  const Result<Answer> answer =
      client_.compare_and_delete(shown.key, {.index = shown.revision}, {.timeout = left(until)}, until.stop);
  if (answer) return {};
  return passed_on(answer.error());
}

Result<std::optional<Change>> DeimosBackend::wait_for_event(const std::string& key, const WaitOptions& options,
                                                            const std::stop_token& stop) const {
  const Result<std::optional<Event>> event = client_.wait(key, options, stop);
  if (!event) return passed_on(event.error());
  if (!*event) return std::optional<Change>();
  Change change;
  change.key = (*event)->node.key;
  change.revision = (*event)->node.modified_index;
  // The deletion of a directory above is an event of that directory.
  change.released = (*event)->is_removal();
  change.expired = (*event)->action == Action::expire;
  change.ttl = (*event)->node.ttl;
  change.token = (*event)->node.value.value_or("");
  return change;
}

Result<std::optional<Change>> DeimosBackend::wait_for_change(const std::string& key, std::uint64_t from_revision,
                                                             const Deadline& until) {
  return wait_for_event(key, {.from_index = from_revision, .timeout = left(until)}, until.stop);
}

Result<std::optional<Change>> DeimosBackend::wait_for_any_change(const std::string& queue, std::uint64_t from_revision,
                                                                 const Deadline& until) {
  return wait_for_event(queue, {.from_index = from_revision, .recursive = true, .timeout = left(until)}, until.stop);
}

Result<Inspection> DeimosBackend::inspect(const std::string& key, const Deadline& until) {
  const Result<Answer> answer =
      client_.get(key, {.timeout = left(until), .avoid_endpoint = until.avoid_endpoint}, until.stop);
  if (!answer) {
    if (answer.error().code == errc::key_not_found) return Inspection{std::nullopt, answer.error().index};
    return passed_on(answer.error());
  }
  if (answer->node.dir)
    return fail(errc::not_a_file, key + " is a directory: in use for a lock with a queue, or for something else");
  return Inspection{record_of(answer->node), answer->index};
}

Result<Listing> DeimosBackend::list(const std::string& prefix, const Deadline& until) {
  const Result<Answer> answer = client_.get(prefix, {.recursive = true, .timeout = left(until)}, until.stop);
  if (!answer) {
    if (answer.error().code == errc::key_not_found) return Listing{{}, answer.error().index};
    return passed_on(answer.error());
  }
  Listing listing{{}, answer->index};
  for (const Node& child : answer->node.children) collect_files(child, listing.records);
  std::ranges::sort(listing.records, {}, &LockRecord::created_revision);
  return listing;
}

Result<LockRecord> DeimosBackend::enqueue(const std::string& queue, const std::string& token, std::chrono::seconds ttl,
                                          const Deadline& until) {
  const Result<Answer> answer = client_.create_in_order(queue, token, write_options(ttl, until), until.stop);
  if (answer) return record_of(answer->node);
  return passed_on(answer.error());
}

Result<Listing> DeimosBackend::places(const std::string& queue, const Deadline& until) {
  const Result<Answer> answer =
      client_.get(queue, {.timeout = left(until), .avoid_endpoint = until.avoid_endpoint}, until.stop);
  if (!answer) {
    if (answer.error().code == errc::key_not_found) return Listing{{}, answer.error().index};
    return passed_on(answer.error());
  }
  if (!answer->node.dir)
    return fail(errc::not_a_directory,
                queue + " is a file: in use for a mutex that is not fair, or for something else");
  Listing listing{{}, answer->index};
  for (const Node& child : answer->node.children) {
    if (!child.dir) listing.records.push_back(record_of(child));
  }
  // By number: the names are decimal without leading zeros, so their order as text is another.
  std::ranges::sort(listing.records, {}, &LockRecord::created_revision);
  return listing;
}

Result<void> DeimosBackend::set_permanent(const std::string& key, const std::string& text,
                                          const std::optional<LockRecord>& shown, const Deadline& until) {
  const WriteOptions options{.timeout = left(until)};
  const Result<Answer> answer =
      shown ? client_.compare_and_swap(key, text, {.index = shown->revision}, options, until.stop)
            : client_.create(key, text, options, until.stop);
  if (answer) return {};
  return passed_on(answer.error());
}

}  // namespace deimos
