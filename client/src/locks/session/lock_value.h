// The text in a lock's record: what kind of lock it belongs to, who wrote it, and what that kind has to say.
//
//   a Mutex             TOKEN
//   a fair one          fair;TOKEN
//   a SharedMutex       read;TOKEN   write;TOKEN
//   a Semaphore         permits 2;TOKEN   permits 2 held;TOKEN
//   an Election         candidate 39;TOKEN and, behind its 39 bytes, what the leader has to say
// A TOKEN is LockOptions::owner, a colon and 32 hexadecimal digits of chance; without an owner the digits alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <deimos/lock_backend.h>
#include <deimos/lock_options.h>

namespace deimos {

/// A plain value.
struct LockValue {
  LockKind kind = LockKind::mutex;
  std::string token;
  int permits = 1;
  bool held = false;         ///< Of a semaphore's: was admitted after it had to wait. Others may be without saying so.
  std::string message = {};  ///< Of a candidate's.

  friend bool operator==(const LockValue&, const LockValue&) = default;
};

[[nodiscard]] std::string text_of(const LockValue& value);
/// What has the form of no other kind is a mutex's: the whole text is its token, as foreign clients write it.
[[nodiscard]] LockValue lock_value_of(std::string_view text);
/// What a record says. The place of a foreign client is a fair mutex's if it has no text, else a candidate's, with the
/// text as its message; its key is its token.
[[nodiscard]] LockValue value_of(const LockRecord& record);
/// Whether two kinds are faces of one lock.
[[nodiscard]] bool is_same_lock(LockKind a, LockKind b) noexcept;
/// LockOptions::owner of whoever made `token`; the whole of one that is none of ours.
[[nodiscard]] std::string owner_in(const std::string& token);

}  // namespace deimos
