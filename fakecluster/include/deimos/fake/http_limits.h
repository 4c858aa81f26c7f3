// What one HTTP client may cost a server.
#pragma once

#include <chrono>
#include <cstddef>

namespace deimos::fake {

/// A request beyond a limit is answered with the status named and its connection closed.
struct HttpLimits {
  std::size_t request_line_bytes = std::size_t{1} << 20;  ///< 414. A compare-and-delete has its value there.
  std::size_t header_bytes = std::size_t{64} << 10;       ///< 431. All header lines together.
  std::size_t body_bytes = std::size_t{16} << 20;         ///< 413. Percent-encoding triples a value at worst.
  std::chrono::milliseconds request_time = std::chrono::seconds(30);  ///< 408. From the first byte to the last.
  /// A client that takes less than `answer_bytes` of what waits for it in so long is cut.
  std::chrono::milliseconds answer_time = std::chrono::seconds(10);
  std::size_t answer_bytes = std::size_t{16} << 10;
  std::size_t connections = 16384;                   ///< 503 for those beyond. Each costs a descriptor and about 3 KiB.
  std::size_t unsent_bytes = std::size_t{16} << 20;  ///< A streaming watch further behind than this is dropped.
};

}  // namespace deimos::fake
