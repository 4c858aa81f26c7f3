// The text of answers, byte for byte as the store that a dialect is of writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/error.h>
#include <deimos/fake/event.h>
#include <deimos/transport.h>
#include "store/store.h"

#include "protocol/keys_dialect.h"

namespace deimos::fake {

/// The indices that go into the headers of an answer.
struct AnswerIndices {
  std::uint64_t store = 0;
  std::uint64_t raft = 0;
  std::uint64_t term = 0;
};

/// One event and its newline.
[[nodiscard]] std::string event_text(const Event& event);
/// Shows `expiration` in place of the event's own, from which the `ttl` still counts.
[[nodiscard]] std::string event_text(const Event& event, const std::optional<Instant>& expiration);

/// The answers about keys, in one dialect. Thread-safe.
class AnswerWriter {
 public:
  /// `cluster`: its number, for dialects that tell it.
  AnswerWriter(const KeysDialect& dialect, std::string cluster) : dialect_(dialect), cluster_(std::move(cluster)) {}

  [[nodiscard]] const KeysDialect& dialect() const noexcept { return dialect_; }

  /// `brief`: without nodes, if it set a value.
  [[nodiscard]] Response event(const Event& event, const AnswerIndices& indices, bool brief) const;
  /// What a GET of `key` found at `now`.
  [[nodiscard]] Response listing(std::string_view key, const Listing& listing, Instant now,
                                 const AnswerIndices& indices) const;
  /// The head of a watch's answer; the body follows in parts.
  [[nodiscard]] Response watch(const AnswerIndices& indices) const;
  /// An error found while parsing the request.
  [[nodiscard]] Response parse_error(errc code, std::string_view cause) const;
  /// One found when it was carried out.
  [[nodiscard]] Response store_error(errc code, std::string_view cause, std::uint64_t index) const;
  /// There was no quorum within the node's time.
  [[nodiscard]] Response timed_out() const;

 private:
  [[nodiscard]] Response keys_answer(int status, std::string body, const AnswerIndices& indices) const;
  [[nodiscard]] Response error(errc code, std::string_view cause, std::uint64_t index) const;
  void add_cluster(Response& response) const;

  const KeysDialect& dialect_;
  const std::string cluster_;
};

[[nodiscard]] Response plain_answer(int status, std::string text);
/// 405; `allowed` are the methods that would have done.
[[nodiscard]] Response method_not_allowed(std::string_view allowed);
/// 301 to `location`; only the answer to a GET has a body.
[[nodiscard]] Response redirect(std::string location, std::string_view method);

}  // namespace deimos::fake
