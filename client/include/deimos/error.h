// Errors of this library: one category of codes, three conditions that callers ask for, and the Error that a failed
// call returns.
//
// Nothing here throws but Result<T>::value() on a failure (tl::bad_expected_access<Error>) and allocation.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include <tl/expected.hpp>

#include <deimos/internal/export.h>

namespace deimos {

/// What went wrong. The first group are the numbers that the store itself sends as `errorCode`; the second group are
/// this library's own.
enum class errc {
  // Sent by the store.
  key_not_found = 100,
  compare_failed = 101,
  not_a_file = 102,
  not_a_directory = 104,
  key_already_exists = 105,
  root_is_read_only = 107,
  directory_not_empty = 108,
  unauthorized = 110,             ///< By an etcd only: it asks for other credentials.
  previous_value_required = 201,  ///< By an etcd only, as are 211 and 212.
  ttl_not_a_number = 202,
  index_not_a_number = 203,
  invalid_field = 209,
  invalid_form = 210,
  refresh_with_value = 211,
  refresh_without_ttl = 212,
  raft_internal_error = 300,
  leader_election = 301,
  history_cleared = 401,  ///< The watched index is older than the history the node keeps.

  // Found by the client.
  invalid_argument = 1000,  ///< An option or argument is out of range; nothing was sent.
  invalid_key,              ///< The key or lock name cannot be used; nothing was sent.
  cancelled,                ///< The caller's stop_token was triggered; a write may or may not have been applied.
  unavailable,              ///< No endpoint took the request in time; it was certainly not applied.
  outcome_unknown,  ///< Sent, but no clear answer came: the write may have been applied, or still be applied later.
  protocol_error,   ///< An answer that is not Deimos'.
  closed,           ///< The client, manager or watch was closed.

  lock_timeout,       ///< The lock was not free within the time allowed.
  lock_not_held,      ///< Release or renewal of a lock that this owner does not hold.
  lock_already_held,  ///< Somebody else holds the lock.
  lock_expired,       ///< The lease ended before it was released or renewed: the lock may be another's by now.
  lock_kind_differs,  ///< The name is in use for a lock of another kind, or one with another number of permits.
  would_deadlock,     ///< The owner would wait for itself: a shared hold cannot become an exclusive one.
};

/// The three questions callers ask of a code: `if (error.code == deimos::condition::retryable)`.
enum class condition {
  retryable = 1,    ///< Asking again may work, and cannot apply a write twice.
  outcome_unknown,  ///< A write may have been applied: read before acting.
  lock_lost,        ///< The lock is no longer held.
};

/// The one category of all codes. Thread-safe; the reference lives for ever.
DEIMOS_EXPORT const std::error_category& error_category() noexcept;
DEIMOS_EXPORT std::error_code make_error_code(errc code) noexcept;
DEIMOS_EXPORT std::error_condition make_error_condition(condition wanted) noexcept;

/// A failed call: what was asked, of whom, and what came back. A value; copy it freely.
struct DEIMOS_EXPORT Error {
  std::error_code code;
  std::string message;      ///< The server's `message`, or this library's own sentence.
  std::string cause;        ///< The server's `cause`: the missing path, `[given != actual]`, …; may be empty.
  std::uint64_t index = 0;  ///< The store's index when it refused; 0 if it did not say.
  std::string method;       ///< `GET`, `PUT`, …; empty if nothing was asked.
  std::string key;
  std::string endpoint;  ///< Who answered, or was asked last.
  int attempts = 0;      ///< How many exchanges were tried.

  /// One readable line with everything known, in valid UTF-8: what would end or disguise a line is shown as `\x0a`.
  [[nodiscard]] std::string describe() const;
};

/// The value of a call, or why there is none.
template <typename T>
using Result = tl::expected<T, Error>;

/// `return fail(errc::invalid_key, "…")` in a function that returns Result<T>.
[[nodiscard]] DEIMOS_EXPORT tl::unexpected<Error> fail(errc code, std::string message);

/// Thrown by the std-shaped members of the locks (`lock()`, `try_lock_for()`, …), and by nothing else.
class DEIMOS_EXPORT LockError : public std::system_error {
 public:
  explicit LockError(Error error);
  [[nodiscard]] const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

}  // namespace deimos

namespace std {

template <>
struct is_error_code_enum<deimos::errc> : true_type {};
template <>
struct is_error_condition_enum<deimos::condition> : true_type {};

}  // namespace std
