#include <deimos/error.h>

#include <utility>

#include <deimos/internal/one_line.h>

namespace deimos {
namespace {

std::string_view text_of(errc code) {
  switch (code) {
    case errc::key_not_found: return "key not found";
    case errc::compare_failed: return "compare failed";
    case errc::not_a_file: return "not a file";
    case errc::not_a_directory: return "not a directory";
    case errc::key_already_exists: return "key already exists";
    case errc::root_is_read_only: return "root is read only";
    case errc::directory_not_empty: return "directory not empty";
    case errc::unauthorized: return "unauthorized";
    case errc::previous_value_required: return "the value to compare with is missing";
    case errc::ttl_not_a_number: return "the given TTL is not a number";
    case errc::index_not_a_number: return "the given index is not a number";
    case errc::invalid_field: return "invalid field";
    case errc::invalid_form: return "invalid form";
    case errc::refresh_with_value: return "a refresh with a value";
    case errc::refresh_without_ttl: return "a refresh without a TTL";
    case errc::raft_internal_error: return "raft internal error";
    case errc::leader_election: return "during leader election";
    case errc::history_cleared: return "the event at the requested index is outdated and cleared";
    case errc::invalid_argument: return "invalid argument";
    case errc::invalid_key: return "invalid key";
    case errc::cancelled: return "cancelled";
    case errc::unavailable: return "no endpoint available";
    case errc::outcome_unknown: return "outcome unknown";
    case errc::protocol_error: return "protocol error";
    case errc::closed: return "closed";
    case errc::lock_timeout: return "timed out waiting for the lock";
    case errc::lock_not_held: return "the lock is not held";
    case errc::lock_already_held: return "the lock is held by another";
    case errc::lock_expired: return "the lock's lease has expired";
    case errc::lock_kind_differs: return "the name is in use for a lock of another kind";
    case errc::would_deadlock: return "the owner would wait for itself";
  }
  return "unknown error";
}

bool is_in(condition wanted, errc code) {
  switch (wanted) {
    case condition::retryable:
      return code == errc::unavailable || code == errc::lock_timeout || code == errc::lock_already_held;
    case condition::outcome_unknown:
      return code == errc::outcome_unknown || code == errc::cancelled || code == errc::raft_internal_error ||
             code == errc::leader_election || code == errc::protocol_error;
    case condition::lock_lost: return code == errc::lock_expired || code == errc::lock_not_held;
  }
  return false;
}

class Category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "deimos"; }
  [[nodiscard]] std::string message(int value) const override { return std::string(text_of(static_cast<errc>(value))); }
};

class ConditionCategory final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "deimos condition"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<condition>(value)) {
      case condition::retryable: return "retryable";
      case condition::outcome_unknown: return "outcome unknown";
      case condition::lock_lost: return "lock lost";
    }
    return "unknown condition";
  }
  [[nodiscard]] bool equivalent(const std::error_code& code, int wanted) const noexcept override {
    return code.category() == deimos::error_category() &&
           is_in(static_cast<condition>(wanted), static_cast<errc>(code.value()));
  }
};

void append(std::string& line, std::string_view label, std::string_view text) {
  if (!text.empty()) line.append(label).append(text);
}

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::error_code make_error_code(errc code) noexcept { return {static_cast<int>(code), error_category()}; }

std::error_condition make_error_condition(condition wanted) noexcept {
  static const ConditionCategory category;
  return {static_cast<int>(wanted), category};
}

std::string Error::describe() const {
  std::string line = code.message();
  append(line, ": ", message);
  append(line, ": ", cause);
  std::string asked = method;
  append(asked, asked.empty() ? "" : " ", key);
  append(asked, " of ", endpoint);
  if (attempts > 1) asked += ", " + std::to_string(attempts) + " attempts";
  if (index != 0) asked += ", index " + std::to_string(index);
  if (!asked.empty()) line += " (" + asked + ")";
  return internal::one_line(line);
}

tl::unexpected<Error> fail(errc code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  return tl::unexpected<Error>(std::move(error));
}

LockError::LockError(Error error) : std::system_error(error.code, error.describe()), error_(std::move(error)) {}

}  // namespace deimos
