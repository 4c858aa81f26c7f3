// A URL that says where locks are kept, taken apart.
//
//   SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/PREFIX][?OPTION=VALUE[&OPTION=VALUE…]]
//
// User, password, prefix and values may have bytes as `%XX`.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos {

/// The options behind the `?`, to be taken one by one: what nobody takes is unknown.
class DEIMOS_EXPORT LockUrlOptions {
 public:
  /// errc::invalid_argument: an option without a name, or one that is there twice.
  Result<void> add(std::string name, std::string value);

  // Each puts the value of the option `name` into `value`, if it is there. One that has not the right form is
  // remembered for finish().
  void take(std::string_view name, std::string& value);
  void take(std::string_view name, Duration& value);  ///< `30s`, `1.5s`, `250ms`, `2min`.
  void take(std::string_view name, bool& value);      ///< `on` or `off`.
  void take(std::string_view name, int& value);       ///< In decimal digits.
  void take(std::string_view name, std::size_t& value);

  /// errc::invalid_argument: the first value that has not the right form, or an option that nobody took.
  [[nodiscard]] Result<void> finish() const;

 private:
  [[nodiscard]] const std::string* find(std::string_view name);
  void reject(std::string_view name, std::string_view rule);

  std::map<std::string, std::string, std::less<>> given_;
  std::set<std::string, std::less<>> known_;
  std::optional<Error> wrong_;
};

/// Errors never quote the password.
struct DEIMOS_EXPORT LockStoreUrl {
  std::string scheme;  ///< In lower case.
  std::optional<std::string> user;
  std::optional<std::string> password;
  std::vector<std::string> hosts;  ///< As they were given; at least one.
  std::string prefix;              ///< Begins with a slash and ends with none; empty if there is none.
  LockUrlOptions options;

  /// errc::invalid_argument, which says what is wrong. At most 8192 bytes.
  [[nodiscard]] static Result<LockStoreUrl> parse(std::string_view text);
};

}  // namespace deimos
