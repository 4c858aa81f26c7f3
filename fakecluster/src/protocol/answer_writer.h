// The text of answers, byte for byte as Deimos writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/error.h>
#include <deimos/fake/event.h>
#include <deimos/transport.h>
#include "store/store.h"

namespace deimos::fake {

/// The indices that go into the headers of an answer.
struct AnswerIndices {
  std::uint64_t store = 0;
  std::uint64_t raft = 0;
  std::uint64_t term = 0;
};

/// `text` as Go writes it into JSON, in quotes.
void append_json_string(std::string& out, std::string_view text);

/// One event and its newline.
[[nodiscard]] std::string event_text(const Event& event);
/// Shows `expiration` in place of the event's own, from which the `ttl` still counts.
[[nodiscard]] std::string event_text(const Event& event, const std::optional<Instant>& expiration);

[[nodiscard]] Response event_answer(const Event& event, const AnswerIndices& indices);
/// What a GET of `key` found at `now`.
[[nodiscard]] Response listing_answer(std::string_view key, const Listing& listing, Instant now,
                                      const AnswerIndices& indices);
/// The head of a watch's answer; the body follows in parts.
[[nodiscard]] Response watch_answer(const AnswerIndices& indices);
/// An error found while parsing the request, or (`from_store`) when it was carried out.
[[nodiscard]] Response error_answer(errc code, std::string_view cause, std::uint64_t index, bool from_store);

[[nodiscard]] Response plain_answer(int status, std::string text);
/// 405; `allowed` are the methods that would have done.
[[nodiscard]] Response method_not_allowed(std::string_view allowed);
/// 301 to `location`; only the answer to a GET has a body.
[[nodiscard]] Response redirect(std::string location, std::string_view method);

}  // namespace deimos::fake
