// The text in a lock's record.
#include "locks/session/lock_value.h"

#include <gtest/gtest.h>

#include <string>

namespace deimos {
namespace {

const std::string digits = "0123456789abcdef0123456789abcdef";

LockValue value(LockKind kind, const std::string& token = "reports-7:" + digits) {
  LockValue made;
  made.kind = kind;
  made.token = token;
  return made;
}

TEST(LockValueTest, WhatIsWrittenIsReadAgain) {
  for (const LockKind kind : {LockKind::mutex, LockKind::fair_mutex, LockKind::reader, LockKind::writer,
                              LockKind::semaphore, LockKind::election}) {
    EXPECT_EQ(lock_value_of(text_of(value(kind))), value(kind)) << to_string(kind);
  }
  LockValue permits = value(LockKind::semaphore);
  permits.permits = 12;
  EXPECT_EQ(text_of(permits), "permits 12;reports-7:" + digits);
  EXPECT_EQ(lock_value_of(text_of(permits)), permits);
  permits.held = true;
  EXPECT_EQ(text_of(permits), "permits 12 held;reports-7:" + digits);
  EXPECT_EQ(lock_value_of(text_of(permits)), permits);
  LockValue candidate = value(LockKind::election);
  for (const std::string& message : {std::string(), std::string("host:4001"), std::string(";candidate 3;\n 1")}) {
    candidate.message = message;
    EXPECT_EQ(lock_value_of(text_of(candidate)), candidate) << message;
  }
}

TEST(LockValueTest, WhatIsNoPlaceIsAMutexWhateverItLooksLike) {
  for (const std::string text :
       {"", ";", "fair", "fairy;x", "permits;x", "permits held;x", "permits 0;x", "permits -1;x", "permits 01;x",
        "permits 2 ;x", "permits 99999999999;x", "permits x;x", "candidate 5;four", "candidate ;x", "candidate 0;x",
        "held;x", "reports", "Fair;x", " fair;x"}) {
    const LockValue read = lock_value_of(text);
    EXPECT_EQ(read.kind, LockKind::mutex) << text;
    EXPECT_EQ(read.token, text);
  }
}

TEST(LockValueTest, TheOwnerIsWhatStandsBeforeTheDigits) {
  EXPECT_EQ(owner_in("reports-7:" + digits), "reports-7");
  EXPECT_EQ(owner_in(digits), "");
  EXPECT_EQ(owner_in("somebody's own value"), "somebody's own value");
  EXPECT_EQ(owner_in("x" + digits), "x" + digits) << "no colon";
}

TEST(LockValueTest, ReadersAndWritersAreOfOneLock) {
  EXPECT_TRUE(is_same_lock(LockKind::reader, LockKind::writer));
  EXPECT_TRUE(is_same_lock(LockKind::semaphore, LockKind::semaphore));
  EXPECT_FALSE(is_same_lock(LockKind::reader, LockKind::fair_mutex));
  EXPECT_FALSE(is_same_lock(LockKind::mutex, LockKind::fair_mutex));
}

}  // namespace
}  // namespace deimos
