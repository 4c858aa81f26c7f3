// What can be asked of a Store that changes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <deimos/fake/clock.h>

namespace deimos::fake {

/// One change. It carries all that decides its outcome, the instant of expiry included, so that stores that apply the
/// same commands in the same order are equal, whatever their clocks say.
///
/// Keys start with `/` and have no empty, `.` or `..` segment and no trailing slash; the root is `/`.
struct Command {
  enum class Kind : std::uint8_t {
    set,                 ///< Makes the file or directory, over a file if there is one.
    create,              ///< Only if nothing is there.
    create_in_order,     ///< A child of the directory `key`, named by the new index.
    update,              ///< Only if it is there: a new value and expiry, or for a directory a new expiry.
    compare_and_swap,    ///< update of a file whose value and index are as `previous_…` say.
    remove,              ///< A file; a directory if `directory`, with all that is in it if `recursive`.
    compare_and_delete,  ///< remove of a file whose value and index are as `previous_…` say.
    sweep,               ///< Expires every key whose expiry is no later than `sweep_until`; key is not used.
    expire,              ///< A fault: expires `key` now, whether it has an expiry or not.
  };

  Kind kind = Kind::set;
  std::string key;
  std::string value;
  bool directory = false;
  bool recursive = false;
  /// A set, update or compare_and_swap of what is there keeps the value and tells no watcher.
  bool refresh = false;
  std::optional<Instant> expiration;  ///< Not given: permanent.
  std::string previous_value;         ///< Empty: not compared.
  std::uint64_t previous_index = 0;   ///< 0: not compared.
  Instant sweep_until{};
};

}  // namespace deimos::fake
