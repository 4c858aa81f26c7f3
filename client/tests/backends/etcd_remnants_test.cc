// When what may be left in the store is removed, and when it must not be.
#include "backends/etcd/etcd_remnants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace deimos {
namespace {

using Removal = EtcdRemnants::Removal;

class EtcdRemnantsTest : public ::testing::Test {
 protected:
  /// How many are to be removed; each was, or was not, as `removal` says.
  std::size_t remove_all(Removal removal) {
    const auto taken = remnants.begin_removal(100);
    for (const auto& each : taken) remnants.end_removal(each, removal);
    return taken.size();
  }

  EtcdRemnants remnants;
  const EtcdRemnants::Record record{"/a", "token"};
};

TEST_F(EtcdRemnantsTest, WhatIsKnownToBeInOrderIsNoRemnant) {
  EXPECT_TRUE(remnants.begin_write(record));
  remnants.written(record);
  EXPECT_TRUE(remnants.seen(record));
  remnants.removed(record, true);
  EXPECT_EQ(remove_all(Removal::done), 0U);
}

TEST_F(EtcdRemnantsTest, UnclearWriteIsRemovedOnceItHasComeAndNotBefore) {
  remnants.left_behind(1, record);
  EXPECT_EQ(remove_all(Removal::not_there), 1U);
  EXPECT_EQ(remove_all(Removal::not_tried), 1U) << "it may come still";
  EXPECT_EQ(remove_all(Removal::unclear), 1U);
  EXPECT_EQ(remove_all(Removal::done), 1U);
  EXPECT_EQ(remove_all(Removal::done), 0U) << "it came once, and comes no more";
}

TEST_F(EtcdRemnantsTest, WhoSeesAnUnclearWriteFirstHasIt) {
  remnants.left_behind(1, record);
  EXPECT_TRUE(remnants.seen(record));
  EXPECT_EQ(remove_all(Removal::done), 0U);
}

TEST_F(EtcdRemnantsTest, WhoSeesItDuringOrAfterItsRemovalHasNot) {
  remnants.left_behind(1, record);
  const auto taken = remnants.begin_removal(100);
  EXPECT_FALSE(remnants.seen(record)) << "the removal is under way";
  EXPECT_FALSE(remnants.begin_write(record)) << "it would remove what is written now";
  remnants.end_removal(record, Removal::unclear);
  EXPECT_FALSE(remnants.seen(record));
  EXPECT_FALSE(remnants.begin_write(record)) << "it may still be acted on";
  EXPECT_EQ(remove_all(Removal::not_there), 1U);
  EXPECT_FALSE(remnants.seen(record)) << "it came after its removal, and is removed again";
  EXPECT_TRUE(remnants.begin_write(record));
}

TEST_F(EtcdRemnantsTest, WhatIsWrittenAnewIsLeftAloneUntilItIsGivenBack) {
  remnants.left_behind(1, record);
  ASSERT_TRUE(remnants.begin_write(record));
  EXPECT_EQ(remove_all(Removal::done), 0U) << "it is being written";
  remnants.written(record);
  EXPECT_TRUE(remnants.seen(record));
  EXPECT_EQ(remove_all(Removal::done), 0U);
  remnants.removed(record, true);
  EXPECT_EQ(remove_all(Removal::not_there), 1U) << "the first write may come still";
  ASSERT_TRUE(remnants.begin_write(record));
  remnants.not_written(record);
  EXPECT_EQ(remove_all(Removal::done), 1U);
  EXPECT_EQ(remove_all(Removal::done), 0U);
}

TEST_F(EtcdRemnantsTest, EachUnclearWriteCounts) {
  remnants.left_behind(1, record);
  remnants.left_behind(1, record);
  EXPECT_TRUE(remnants.seen(record));
  EXPECT_EQ(remove_all(Removal::done), 0U) << "somebody has the first";
  remnants.removed(record, true);
  EXPECT_EQ(remove_all(Removal::done), 1U) << "and the second came afterwards";
  EXPECT_EQ(remove_all(Removal::done), 0U);
}

TEST_F(EtcdRemnantsTest, WhatItsOwnerCouldNotRemoveIsNobodysUntilItIsGone) {
  remnants.doomed(1, record);
  EXPECT_FALSE(remnants.seen(record));
  EXPECT_EQ(remove_all(Removal::unclear), 1U);
  EXPECT_EQ(remove_all(Removal::not_there), 1U);
  EXPECT_EQ(remove_all(Removal::done), 0U) << "it is not there, and nobody writes it";
  remnants.doomed(1, record);
  remnants.removed(record, false);
  EXPECT_EQ(remove_all(Removal::done), 0U);
}

TEST_F(EtcdRemnantsTest, LeasesTakeTheirRecordsWithThem) {
  remnants.left_behind(1, record);
  remnants.left_behind(2, {"/b", "token"});
  remnants.doomed(0, {"/c", "token"});
  remnants.forget([](std::int64_t lease) { return lease == 1; });
  EXPECT_EQ(remove_all(Removal::done), 2U);
}

TEST_F(EtcdRemnantsTest, AKeyIsRemovedOnceAtATimeAndNotTooManyAre) {
  for (int i = 0; i < 150; ++i) remnants.left_behind(1, {"/" + std::to_string(i), "token"});
  remnants.left_behind(1, {"/0", "another"});
  EXPECT_EQ(remove_all(Removal::done), 100U);
  EXPECT_EQ(remove_all(Removal::done), 51U);
}

}  // namespace
}  // namespace deimos
