// One acquisition alone: what it is after which of its ends, and what it makes of answers in any order.
#include "locks/session/lock_acquisition.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include <deimos/testkit/virtual_runtime.h>

namespace deimos {
namespace {

using namespace std::chrono_literals;
using State = LockAcquisition::State;

class LockAcquisitionTest : public ::testing::Test {
 protected:
  LockAcquisition make(State begins) {
    LockGrant grant;
    grant.token = "token";
    grant.text = "fair;token";
    grant.fencing_token = 7;
    grant.revision = 7;
    grant.sent = runtime->now();
    return {runtime, "a", "/locks/a/7", {10s, 9s, 3s, 1s}, grant, {}, begins};
  }
  const std::shared_ptr<testkit::VirtualRuntime> runtime = std::make_shared<testkit::VirtualRuntime>(1);
};

TEST_F(LockAcquisitionTest, WhatIsQueuedIsNotHeldUntilItIsAdmitted) {
  LockAcquisition place = make(State::queued);
  EXPECT_FALSE(place.is_held());
  EXPECT_TRUE(place.is_live());
  EXPECT_FALSE(place.begin_release());
  EXPECT_TRUE(place.admit());
  EXPECT_TRUE(place.is_held());
  EXPECT_FALSE(place.admit()) << "once";
  EXPECT_FALSE(place.abandon()) << "it is to be released now";
  EXPECT_TRUE(place.begin_release());
}

TEST_F(LockAcquisitionTest, NobodyIsAdmittedOnALeaseThatIsOver) {  // E12
  LockAcquisition place = make(State::queued);
  runtime->sleep_for(9s);
  EXPECT_FALSE(place.is_live());
  EXPECT_FALSE(place.admit()) << "though nobody has noticed yet";
  EXPECT_FALSE(place.is_held());
}

TEST_F(LockAcquisitionTest, WhatIsLostSaysWhatItWas) {
  LockAcquisition place = make(State::queued);
  EXPECT_EQ(place.lose({}), State::queued);
  EXPECT_EQ(place.lose({}), std::nullopt);
  EXPECT_FALSE(place.admit());
  LockAcquisition held = make(State::held);
  EXPECT_EQ(held.lose({}), State::held);
}

TEST_F(LockAcquisitionTest, WhatLeftTheQueueIsNotLost) {
  LockAcquisition place = make(State::queued);
  EXPECT_TRUE(place.abandon());
  EXPECT_EQ(place.lose({}), std::nullopt);
  EXPECT_EQ(place.next_renewal(), TimePoint::max());
}

TEST_F(LockAcquisitionTest, AnAnswerThatWasOvertakenDoesNotBringBackWhatItKnew) {  // K1
  LockAcquisition held = make(State::held);
  EXPECT_TRUE(held.renewed(runtime->now(), 12, "fair;token 12"));
  EXPECT_TRUE(held.renewed(runtime->now(), 9, "fair;token 9"));
  EXPECT_EQ(held.record().revision, 12U);
  EXPECT_EQ(held.record().text, "fair;token 12");
}

TEST_F(LockAcquisitionTest, ATextThatIsWantedIsDueAtOnceAlsoWhileNothingIsRenewed) {
  LockAcquisition held = make(State::held);
  held.pause_renewal(true);
  EXPECT_EQ(held.next_renewal(), TimePoint::max());
  held.want_text("other;token");
  EXPECT_EQ(held.next_renewal(), runtime->now());
  EXPECT_EQ(held.record().text, "fair;token");
  EXPECT_TRUE(held.record().rewritten);
  EXPECT_TRUE(held.renewed(runtime->now(), 8, "other;token"));
  EXPECT_EQ(held.next_renewal(), TimePoint::max());
}

}  // namespace
}  // namespace deimos
