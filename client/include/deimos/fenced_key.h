// A key of the store that only the newest holder of a lock can write.
//
// Its value begins with the fencing token of whoever wrote it last. A write reads that, is refused if it is higher than
// its own, and else replaces the very version that it has read (compare-and-swap by index): so between the reading and
// the writing nobody can get in. From the first write of a holder on, every write of an earlier one is refused, also
// one that was under way for an hour.
//
// What this cannot promise: a holder that has not written yet does not keep the one before it out; so write something
// (the value as it is) before you act on what you read. And whoever writes the key by other means, or with a token of
// another lock, is not fenced at all.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <deimos/call_options.h>
#include <deimos/client.h>
#include <deimos/error.h>
#include <deimos/internal/export.h>

namespace deimos {

/// Thread-safe.
class DEIMOS_EXPORT FencedKey {
 public:
  /// What is in it.
  struct Value {
    std::string text;
    std::uint64_t fencing_token = 0;  ///< Of its writer; 0 if it was written by other means.
    std::uint64_t index = 0;          ///< Of that write.
  };

  FencedKey(Client client, std::string_view key);

  /// None if there is no such key. Linearizable, as Client::get(); `options` are for the whole call.
  [[nodiscard]] Result<std::optional<Value>> read(const CallOptions& options = {}, std::stop_token stop = {}) const;
  /// Writes `text` as the holder with that token: Hold::fencing_token(). At least 2 requests. Returns the index of the
  /// write. errc::lock_not_held: a newer holder has written, and nothing was; invalid_argument: the token is 0;
  /// condition::outcome_unknown: it may be applied still, unless somebody else writes first. `options` are for the
  /// whole call; while others write the same key, it tries again until they end.
  Result<std::uint64_t> write(std::uint64_t fencing_token, std::string_view text, const CallOptions& options = {},
                              std::stop_token stop = {}) const;

 private:
  Client client_;
  std::string key_;
};

}  // namespace deimos
