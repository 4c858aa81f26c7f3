// The key-value calls, over any number of endpoints.
//
// Every call blocks for the answer, at most until its time-out, and returns at once when its stop_token is triggered.
// It returns the answer or an Error, and throws nothing but std::bad_alloc (and, in a simulation, what ends the task of
// a process that has crashed: Runtime::check_running()). What callers need to know about failures:
//  - Reads are retried, on other endpoints too, until they are answered or the time is over.
//  - A write is sent again only if it certainly was not acted on (no connection, or refused as too many requests).
//    Once it may have been, the call returns condition::outcome_unknown, and never sends it again.
//  - errc::unavailable, invalid_key and invalid_argument mean that nothing was applied.
//  - The store's own refusals (key_not_found, compare_failed, …) carry its message, cause and index.
//
// Keys are text of any bytes but NUL, with `/` between the parts. `a/b`, `/a/b` and `/a/b/` name the same node.
// Refused with errc::invalid_key: empty parts (`//`), `.` and `..` (the server would answer with a redirect), NUL,
// and more than 4096 bytes.
// TTLs are whole seconds on the wire, rounded up; below 1 s they are refused.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/call_options.h>
#include <deimos/client_options.h>
#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/node.h>
#include <deimos/runtime.h>
#include <deimos/watch.h>

namespace deimos {

/// A cheap handle: copies share connections, endpoints and options, and the last of them ends it all. Thread-safe. Uses
/// no network until the first call.
class DEIMOS_EXPORT Client {
 public:
  /// Throws std::system_error with errc::invalid_argument if the options cannot be used, saying which and why.
  explicit Client(ClientOptions options);
  /// As the constructor, without exceptions.
  [[nodiscard]] static Result<Client> make(ClientOptions options);

  /// errc::key_not_found carries the store's index at the reading. (Keep the answer as long as what is in it: a loop
  /// over `client.get(…).value().node.children` has lost it before its first round.)
  [[nodiscard]] Result<Answer> get(std::string_view key, const GetOptions& options = {},
                                   std::stop_token stop = {}) const;
  /// Creates the file or replaces it (a new created_index). errc::not_a_file over a directory.
  Result<Answer> set(std::string_view key, std::string_view value, const WriteOptions& options = {},
                     std::stop_token stop = {}) const;
  /// Creates the file. errc::key_already_exists.
  Result<Answer> create(std::string_view key, std::string_view value, const WriteOptions& options = {},
                        std::stop_token stop = {}) const;
  /// Changes value and TTL of a file that exists. Without `ttl` it becomes permanent. errc::key_not_found.
  Result<Answer> update(std::string_view key, std::string_view value, const WriteOptions& options = {},
                        std::stop_token stop = {}) const;
  /// Creates a file in `directory`, named by the index of its creation, in decimal; in an etcd with leading zeros, of
  /// 20 digits.
  Result<Answer> create_in_order(std::string_view directory, std::string_view value, const WriteOptions& options = {},
                                 std::stop_token stop = {}) const;
  /// Creates a directory. errc::key_already_exists.
  Result<Answer> create_directory(std::string_view key, const WriteOptions& options = {},
                                  std::stop_token stop = {}) const;
  /// Creates a directory, or replaces a file by one. errc::not_a_file over a directory.
  Result<Answer> set_directory(std::string_view key, const WriteOptions& options = {}, std::stop_token stop = {}) const;
  /// Changes the TTL of a directory that exists. Without `ttl` it becomes permanent. errc::key_not_found.
  Result<Answer> update_directory(std::string_view key, const WriteOptions& options = {},
                                  std::stop_token stop = {}) const;
  /// Deletes. errc::key_not_found, not_a_file (a directory, and neither option), directory_not_empty.
  Result<Answer> remove(std::string_view key, const RemoveOptions& options = {}, std::stop_token stop = {}) const;
  /// Replaces the value (and TTL) of a file if `compare` holds. errc::compare_failed, key_not_found, not_a_file.
  Result<Answer> compare_and_swap(std::string_view key, std::string_view value, const Compare& compare,
                                  const WriteOptions& options = {}, std::stop_token stop = {}) const;
  /// Deletes a file if `compare` holds. errc::compare_failed, key_not_found, not_a_file.
  Result<Answer> compare_and_delete(std::string_view key, const Compare& compare, const CallOptions& options = {},
                                    std::stop_token stop = {}) const;

  /// One long poll for one event. An empty optional: it ended without one, so ask again from the same index.
  /// errc::history_cleared: from_index is older than what the node remembers; read, then wait from that answer's
  /// index + 1. A poll that could not be sent is tried at other endpoints; one that breaks off is not asked again.
  [[nodiscard]] Result<std::optional<Event>> wait(std::string_view key, const WaitOptions& options = {},
                                                  std::stop_token stop = {}) const;
  /// Every event from now on (or from WatchOptions::from_index). Blocks for one read, to learn what "now" is.
  [[nodiscard]] Watch watch(std::string_view key, WatchOptions options = {}, std::stop_token stop = {}) const;
  /// The same, calling back from a task of the runtime. An exception from the callback ends the watch, and is reported
  /// through on_error.
  [[nodiscard]] Subscription watch(std::string_view key, WatchOptions options,
                                   std::function<void(const Event&)> on_event) const;

  /// Takes the endpoints from the cluster's `/machines` (of an etcd `/v2/machines`), and returns them. A list that
  /// cannot be right is refused with errc::protocol_error and changes nothing.
  Result<std::vector<std::string>> sync(const CallOptions& options = {}, std::stop_token stop = {}) const;
  [[nodiscard]] std::vector<std::string> endpoints() const;
  [[nodiscard]] const std::shared_ptr<Runtime>& runtime() const noexcept;
  [[nodiscard]] const std::shared_ptr<Observer>& observer() const noexcept;  ///< Never null.

  /// Ends every call and watch of this client and its copies with errc::closed, and refuses new ones. Idempotent.
  void close() const noexcept;

 private:
  struct State;
  explicit Client(std::shared_ptr<State> state) noexcept;
  std::shared_ptr<State> state_;
};

}  // namespace deimos
