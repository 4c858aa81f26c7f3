#include "protocol/answer_writer.h"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

#include <deimos/internal/rfc3339.h>
#include "protocol/json_string.h"

namespace deimos::fake {
namespace {

constexpr std::string_view plain_type = "text/plain; charset=utf-8";
constexpr std::string_view json_type = "application/json";

template <typename Number>
void append_number(std::string& out, Number number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

std::string number_text(std::uint64_t number) {
  std::string text;
  append_number(text, number);
  return text;
}

/// Whole seconds from `now` to `expiration`, rounded up.
std::int64_t seconds_left(Instant expiration, Instant now) noexcept {
  const auto later = std::chrono::floor<std::chrono::seconds>(expiration);
  const auto earlier = std::chrono::floor<std::chrono::seconds>(now);
  return (later - earlier).count() + (expiration - later > now - earlier ? 1 : 0);
}

/// `shown` in place of `expiration`, to which the `ttl` counts.
void append_expiration(std::string& out, const std::optional<Instant>& expiration, const std::optional<Instant>& shown,
                       Instant now) {
  if (!expiration) return;
  out += ",\"expiration\":\"";
  if (shown == internal::zero_instant) {
    out += "0001-01-01T00:00:00Z";
  } else {
    internal::append_rfc3339(out, *shown);
  }
  out += '"';
  if (const std::int64_t left = seconds_left(*expiration, now); left != 0) append_number(out += ",\"ttl\":", left);
}

void append_indices(std::string& out, std::uint64_t modified, std::uint64_t created) {
  append_number(out += ",\"modifiedIndex\":", modified);
  append_number(out += ",\"createdIndex\":", created);
  out += '}';
}

void append_image(std::string& out, std::string_view key, const Image& image, const std::optional<Instant>& shown,
                  Instant now) {
  append_json_string(out += "{\"key\":", key);
  if (image.value) append_json_string(out += ",\"value\":", *image.value);
  if (image.directory) out += ",\"dir\":true";
  append_expiration(out, image.expiration, shown, now);
  append_indices(out, image.modified_index, image.created_index);
}

/// All but what comes after the nodes that it holds. An empty key is left out.
void append_entry_head(std::string& out, std::string_view key, const Tree::Entry& entry, Instant now) {
  out += '{';
  if (!key.empty()) append_json_string(out += "\"key\":", key);
  if (!key.empty()) out += ',';
  if (entry.directory) {
    out += "\"dir\":true";
  } else {
    append_json_string(out += "\"value\":", entry.value);
  }
  append_expiration(out, entry.expiration, entry.expiration, now);
}

/// Writes `listing` without recursion: it can be as deep as a key is long.
void append_listing(std::string& out, std::string key, const Listing& listing, Instant now, bool root_is_nameless) {
  if (key == "/") key.clear();
  const bool nameless = key.empty() && root_is_nameless;
  append_entry_head(out, key.empty() && !nameless ? "/" : key, *listing.entry, now);
  std::vector<const Tree::Entry*> open{listing.entry};
  std::size_t depth = 0;  // Of the item written last.
  const auto close = [&] {
    if (open.size() == 1 && nameless) {
      out += '}';
    } else {
      append_indices(out, open.back()->modified_index, open.back()->created_index);
    }
    open.pop_back();
  };
  for (const Listing::Item& item : listing.below) {
    if (item.depth > depth) {
      out += ",\"nodes\":[";
    } else {
      for (; depth > item.depth; --depth) {
        key.resize(key.size() - open.back()->name.size() - 1);
        close();
        out += ']';
      }
      key.resize(key.size() - open.back()->name.size() - 1);
      close();
      out += ',';
    }
    depth = item.depth;
    key.append(1, '/').append(item.entry->name);
    append_entry_head(out, key, *item.entry, now);
    open.push_back(item.entry);
  }
  for (; depth > 0; --depth) {
    close();
    out += ']';
  }
  close();
}

std::string_view message_of(errc code) noexcept {
  switch (code) {
    case errc::key_not_found: return "Key not found";
    case errc::compare_failed: return "Compare failed";
    case errc::not_a_file: return "Not a file";
    case errc::not_a_directory: return "Not a directory";
    case errc::key_already_exists: return "Key already exists";
    case errc::root_is_read_only: return "Root is read only";
    case errc::directory_not_empty: return "Directory not empty";
    case errc::unauthorized: return "The request requires user authentication";
    case errc::previous_value_required: return "PrevValue is Required in POST form";
    case errc::ttl_not_a_number: return "The given TTL in POST form is not a number";
    case errc::index_not_a_number: return "The given index in POST form is not a number";
    case errc::invalid_field: return "Invalid field";
    case errc::invalid_form: return "Invalid POST form";
    case errc::refresh_with_value: return "Value provided on refresh";
    case errc::refresh_without_ttl: return "A TTL must be provided on refresh";
    case errc::raft_internal_error: return "Raft Internal Error";
    case errc::leader_election: return "During Leader Election";
    case errc::history_cleared: return "The event in requested index is outdated and cleared";
    default: return "Unknown error";
  }
}

int status_of(errc code) noexcept {
  switch (code) {
    case errc::key_not_found: return 404;
    case errc::unauthorized: return 401;
    case errc::not_a_file:
    case errc::directory_not_empty: return 403;
    case errc::compare_failed:
    case errc::key_already_exists: return 412;
    case errc::raft_internal_error:
    case errc::leader_election: return 500;
    default: return 400;
  }
}

bool sets_a_value(Action action) noexcept {
  return action == Action::set || action == Action::create || action == Action::update ||
         action == Action::compare_and_swap;
}

std::string html_escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&#34;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += c;
    }
  }
  return escaped;
}

}  // namespace

std::string event_text(const Event& event) { return event_text(event, event.node.expiration); }

std::string event_text(const Event& event, const std::optional<Instant>& expiration) {
  std::string text;
  const auto length = [](const Image& image) { return 160 + (image.value ? image.value->size() : 0); };
  text.reserve(32 + 2 * event.key.size() + length(event.node) + (event.previous ? length(*event.previous) : 0));
  text.append("{\"action\":\"").append(to_string(event.action));
  append_image(text += "\",\"node\":", event.key, event.node, expiration, event.at);
  if (event.previous)
    append_image(text += ",\"prevNode\":", event.key, *event.previous, event.previous->expiration, event.at);
  return text += "}\n";
}

Response AnswerWriter::event(const Event& event, const AnswerIndices& indices, bool brief) const {
  const bool created = event.action == Action::create || (event.action == Action::set && !event.previous);
  std::string text;
  if (brief && sets_a_value(event.action)) {
    text.append("{\"action\":\"").append(to_string(event.action)).append("\"}\n");
  } else {
    text = event_text(event);
  }
  return keys_answer(created ? 201 : 200, std::move(text), indices);
}

Response AnswerWriter::listing(std::string_view key, const Listing& listing, Instant now,
                               const AnswerIndices& indices) const {
  std::string text;
  text.reserve(200 + key.size() + listing.entry->value.size() + listing.below.size() * (100 + key.size()));
  append_listing(text += "{\"action\":\"get\",\"node\":", std::string(key), listing, now, dialect_.root_is_nameless);
  return keys_answer(200, text += "}\n", indices);
}

Response AnswerWriter::watch(const AnswerIndices& indices) const {
  Response response = keys_answer(200, {}, indices);
  if (!dialect_.watch_tells_index) {
    std::erase_if(response.headers, [&](const Header& header) { return header.name == dialect_.index_header; });
  }
  return response;
}

Response AnswerWriter::keys_answer(int status, std::string body, const AnswerIndices& indices) const {
  Response response{status, {}, std::move(body)};
  response.headers.reserve(5);
  response.headers.push_back({"Content-Type", std::string(json_type)});
  add_cluster(response);
  response.headers.push_back({std::string(dialect_.index_header), number_text(indices.store)});
  response.headers.push_back({"X-Raft-Index", number_text(indices.raft)});
  response.headers.push_back({"X-Raft-Term", number_text(indices.term)});
  return response;
}

void AnswerWriter::add_cluster(Response& response) const {
  if (!dialect_.cluster_header.empty()) response.headers.push_back({std::string(dialect_.cluster_header), cluster_});
}

Response AnswerWriter::error(errc code, std::string_view cause, std::uint64_t index) const {
  // The path of the root is what remains when the path of etcd's own tree is cut off.
  if (dialect_.root_is_nameless && code == errc::not_a_file && cause == "/") cause = {};
  std::string text;
  append_number(text += "{\"errorCode\":", static_cast<int>(code));
  append_json_string(text += ",\"message\":", message_of(code));
  if (!cause.empty() || !dialect_.errors_are_json) append_json_string(text += ",\"cause\":", cause);
  append_number(text += ",\"index\":", index);
  text += "}\n";
  Response response{status_of(code), {}, std::move(text)};
  response.headers.push_back({"Content-Type", std::string(dialect_.errors_are_json ? json_type : plain_type)});
  add_cluster(response);
  response.headers.push_back({std::string(dialect_.index_header), number_text(index)});
  return response;
}

Response AnswerWriter::parse_error(errc code, std::string_view cause) const { return error(code, cause, 0); }

Response AnswerWriter::store_error(errc code, std::string_view cause, std::uint64_t index) const {
  Response response = error(code, cause, index);
  if (!dialect_.errors_are_json) response.body += "Internal Server Error\n";
  return response;
}

Response AnswerWriter::timed_out() const {
  if (dialect_.errors_are_json) return error(errc::raft_internal_error, "etcdserver: request timed out", 0);
  return plain_answer(500, "Internal Server Error\nInternal Server Error\n");
}

Response plain_answer(int status, std::string text) {
  return {status, {{"Content-Type", std::string(plain_type)}}, std::move(text)};
}

Response method_not_allowed(std::string_view allowed) {
  Response response = plain_answer(405, "Method Not Allowed\n");
  response.headers.push_back({"Allow", std::string(allowed)});
  return response;
}

Response redirect(std::string location, std::string_view method) {
  Response response{301, {}, {}};
  if (method == "GET" || method == "HEAD") response.headers.push_back({"Content-Type", "text/html; charset=utf-8"});
  if (method == "GET") response.body = "<a href=\"" + html_escaped(location) + "\">Moved Permanently</a>.\n\n";
  response.headers.push_back({"Location", std::move(location)});
  return response;
}

}  // namespace deimos::fake
