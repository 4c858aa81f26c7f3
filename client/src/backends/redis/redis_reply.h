// Answers of a Redis server: read by hiredis' parser, kept as values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace deimos {

struct RedisValue {
  enum class Kind { nil, integer, text, status, error, array };
  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text = {};  ///< Of text, status and error.
  std::vector<RedisValue> items = {};

  [[nodiscard]] bool is_error() const noexcept { return kind == Kind::error; }
  /// The text of the item at `index`; empty if there is none.
  [[nodiscard]] std::string_view text_at(std::size_t index) const noexcept;
  /// The item at `index`; nil if there is none.
  [[nodiscard]] const RedisValue& at(std::size_t index) const noexcept;
};

/// Takes the server's bytes as they come, and gives them back as values. What one value takes is bounded. After an
/// error it is of no more use.
class RedisReader {
 public:
  explicit RedisReader(std::size_t most_bytes);
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  void feed(std::string_view bytes);
  /// The next value; none while more bytes are needed. The error says what is wrong with what came.
  [[nodiscard]] tl::expected<std::optional<RedisValue>, std::string> next();
  /// Whether a part of a value has come.
  [[nodiscard]] bool is_amid_value() const noexcept { return bytes_ > 0; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;  ///< Since the last value, some of the one after it among them.
  std::string beginning_;  ///< Of those, for people.
};

}  // namespace deimos
