#include "locks/session/lock_value.h"

#include <charconv>
#include <cstddef>

namespace deimos {
namespace {

constexpr std::string_view candidate = "candidate ";
constexpr std::string_view permits = "permits ";
constexpr std::string_view held_mark = " held";

/// A number without sign or leading zeros, as to_string() writes it.
std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool plain = !text.empty() && problem == std::errc() && end == text.data() + text.size() && number > 0;
  return plain && text.front() != '0' ? std::optional(number) : std::nullopt;
}

std::optional<LockValue> candidate_in(std::string_view head, std::string_view rest) {
  const auto length = number_in(head.substr(candidate.size()));
  if (!length || static_cast<std::size_t>(*length) > rest.size()) return std::nullopt;
  LockValue value;
  value.kind = LockKind::election;
  value.token = rest.substr(0, static_cast<std::size_t>(*length));
  value.message = rest.substr(static_cast<std::size_t>(*length));
  return value;
}

std::optional<LockValue> permits_in(std::string_view head, std::string_view rest) {
  LockValue value;
  value.kind = LockKind::semaphore;
  // The word before the one behind it: the two share a space in "permits held", which has no number at all.
  head.remove_prefix(permits.size());
  value.held = head.ends_with(held_mark);
  if (value.held) head.remove_suffix(held_mark.size());
  const auto number = number_in(head);
  if (!number) return std::nullopt;
  value.permits = *number;
  value.token = rest;
  return value;
}

std::optional<LockValue> place_in(std::string_view text) {
  const std::size_t end = text.find(';');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, end);
  const std::string_view rest = text.substr(end + 1);
  if (head.starts_with(candidate)) return candidate_in(head, rest);
  if (head.starts_with(permits)) return permits_in(head, rest);
  LockValue value;
  value.token = rest;
  if (head == "fair") {
    value.kind = LockKind::fair_mutex;
  } else if (head == "read") {
    value.kind = LockKind::reader;
  } else if (head == "write") {
    value.kind = LockKind::writer;
  } else {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::string text_of(const LockValue& value) {
  switch (value.kind) {
    case LockKind::mutex: return value.token;
    case LockKind::fair_mutex: return "fair;" + value.token;
    case LockKind::reader: return "read;" + value.token;
    case LockKind::writer: return "write;" + value.token;
    case LockKind::semaphore:
      return std::string(permits) + std::to_string(value.permits) + std::string(value.held ? held_mark : "") + ';' +
             value.token;
    case LockKind::election:
      return std::string(candidate) + std::to_string(value.token.size()) + ';' + value.token + value.message;
  }
  return value.token;
}

LockValue lock_value_of(std::string_view text) {
  if (auto place = place_in(text)) return *place;
  LockValue value;
  value.token = text;
  return value;
}

LockValue value_of(const LockRecord& record) {
  if (!record.foreign_place) return lock_value_of(record.token);
  LockValue value;
  value.kind = record.token.empty() ? LockKind::fair_mutex : LockKind::election;
  value.token = record.key;
  value.message = record.token;
  return value;
}

bool is_same_lock(LockKind a, LockKind b) noexcept {
  const auto is_shared_mutex = [](LockKind kind) { return kind == LockKind::reader || kind == LockKind::writer; };
  return a == b || (is_shared_mutex(a) && is_shared_mutex(b));
}

std::string owner_in(const std::string& token) {
  constexpr std::size_t random_digits = 32;
  if (token.size() < random_digits) return token;
  const std::size_t end = token.size() - random_digits;
  const bool ours =
      token.find_first_not_of("0123456789abcdef", end) == std::string::npos && (end == 0 || token[end - 1] == ':');
  if (!ours) return token;
  return end == 0 ? std::string() : token.substr(0, end - 1);
}

}  // namespace deimos
