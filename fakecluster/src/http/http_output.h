// What a connection still has to write: texts of its own, and texts that it shares with others.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/buffer.hpp>

namespace deimos::fake {

class HttpOutput {
 public:
  using Shared = std::shared_ptr<const std::string>;
  /// As many as one call of the system takes.
  using Buffers = std::array<boost::asio::const_buffer, 16>;

  /// The end of the output, to append to.
  [[nodiscard]] std::string& text();
  /// Appends a text without a copy, unless it is small.
  void share(const Shared& text);

  [[nodiscard]] bool empty() const noexcept { return first_ == pieces_.size(); }
  /// The first bytes that are not written yet.
  [[nodiscard]] Buffers buffers() const;
  /// So many of the first bytes are written. What is written of whole texts is let go at once.
  void written(std::size_t count);
  /// Forgets the rest.
  void clear() noexcept;

 private:
  struct Piece {
    std::string own;
    Shared shared = nullptr;
    [[nodiscard]] const std::string& text() const noexcept { return shared ? *shared : own; }
  };

  std::vector<Piece> pieces_;
  std::size_t first_ = 0;    // Of pieces_: those before are written,
  std::size_t written_ = 0;  // and of the first so many bytes.
};

}  // namespace deimos::fake
