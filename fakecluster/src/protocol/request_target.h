// The target of a request: which resource, which query.
#pragma once

#include <string>
#include <string_view>

#include "protocol/keys_dialect.h"

namespace deimos::fake {

/// A request target taken apart, by the rules of Go's HTTP server, before it is known who serves it.
struct Target {
  enum class Kind {
    malformed,  ///< Not a path, or with a control character or a bad escape: no resource at all.
    unclean,    ///< Its path has `//`, `.` or `..` segments: `path` is what it should have been.
    keys,       ///< `path` is the key.
    page,       ///< That of `route`.
    unknown,
  };
  Kind kind = Kind::unknown;
  std::string path;  ///< Decoded.
  const KeysDialect::PageRoute* route = nullptr;
  std::string_view query;  ///< As sent, without the `?`; a part of the target that was parsed.

  [[nodiscard]] static Target parse(std::string_view target, const KeysDialect& dialect);
};

}  // namespace deimos::fake
