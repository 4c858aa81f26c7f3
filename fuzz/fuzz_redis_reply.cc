// Any bytes as the answers of a Redis server, in two pieces: the first byte of the input says where they are cut.
//
// Checked besides crashes: what is read does not depend on where the bytes are cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "backends/redis/redis_failure.h"
#include "backends/redis/redis_reply.h"
#include "backends/redis/redis_wait.h"

namespace {

using deimos::RedisReader;
using deimos::RedisValue;

std::string written(const RedisValue& value) {
  std::string text = std::to_string(static_cast<int>(value.kind)) + ':' + std::to_string(value.integer) + value.text;
  for (const RedisValue& item : value.items) text += '(' + written(item) + ')';
  return text;
}

/// What is read before the first error.
std::vector<std::string> read_all(std::string_view bytes, std::size_t cut) {
  constexpr std::size_t most = 1U << 16U;
  RedisReader reader(most);
  std::vector<std::string> values;
  for (const std::string_view piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    reader.feed(piece);
    for (;;) {
      auto value = reader.next();
      if (!value) return values;
      if (!*value) break;
      values.push_back(written(**value));
      (void)deimos::refusal_of((*value)->text);
      (void)deimos::redis_change_in("key", (*value)->text);
    }
  }
  return values;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = std::min<std::size_t>(data[0], bytes.size());
  if (read_all(bytes, cut) != read_all(bytes, 0)) std::abort();
  return 0;
}
