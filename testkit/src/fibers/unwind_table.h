// The tables that compilers write for those who unwind the stack (Itanium C++ ABI; LSB, "Exception Frames"): read here
// as far as unwind_probe.cc needs it.
#pragma once

#include <cstdint>
#include <optional>

namespace deimos::testkit {

/// A stretch of code with tables of its own: a function, or the part of one that GCC has moved away because it is
/// seldom run.
struct CodePart {
  const unsigned char* begin = nullptr;
  std::uint64_t size = 0;
  const void* table = nullptr;  ///< Of its calls; null if every exception passes through.

  [[nodiscard]] bool contains(const unsigned char* code) const noexcept {
    return code >= begin && static_cast<std::uint64_t>(code - begin) < size;
  }
};

/// Nothing if there is none, or if it is described in a way that the compilers we know do not use.
[[nodiscard]] std::optional<CodePart> part_at(const void* code);

/// Some calls of a part, and where they lead when they throw.
struct CallSite {
  std::uint64_t start = 0;  ///< From the beginning of the part.
  std::uint64_t length = 0;
  std::uint64_t landing_pad = 0;  ///< From the beginning of the part; 0: the exception passes through.
};

/// Reads a part's table from its beginning.
class CallSites {
 public:
  explicit CallSites(const void* table);
  /// Nothing at the end, or at once if the table is not written as we know it.
  [[nodiscard]] std::optional<CallSite> next();

 private:
  [[nodiscard]] std::uint64_t value();

  const unsigned char* at_;
  const unsigned char* end_ = nullptr;
  unsigned char encoding_ = 0;
};

}  // namespace deimos::testkit
