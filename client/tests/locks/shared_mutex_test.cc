// The shared mutex: readers together, writers alone, and nobody starves.
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "locks/lock_world.h"

namespace deimos::lock_test {
namespace {

template <typename Lock>
concept SharedLockable = requires(Lock lock) {
  lock.lock_shared();
  { lock.try_lock_shared() } -> std::same_as<bool>;
  { lock.try_lock_shared_for(1ms) } -> std::same_as<bool>;
  { lock.try_lock_shared_until(std::chrono::steady_clock::time_point()) } -> std::same_as<bool>;
  lock.unlock_shared();
  lock.lock();
  { lock.try_lock() } -> std::same_as<bool>;
  { lock.try_lock_for(1ms) } -> std::same_as<bool>;
  lock.unlock();
};
static_assert(SharedLockable<deimos::SharedMutex>);

class SharedMutexTest : public ::testing::Test {
 protected:
  struct Owner {
    std::optional<Result<Hold>> hold = {};
    std::stop_source cancel = {};
    std::unique_ptr<Task> task = {};

    ~Owner() { cancel.request_stop(); }
    [[nodiscard]] bool in() const { return hold && hold->has_value() && (*hold)->is_held(); }
    void release() { ASSERT_THAT((*hold)->release(), Succeeds()); }
  };
  Owner& start(Member& member, bool writes, AcquireOptions options = {}) {
    Owner& owner = *owners_.emplace_back(std::make_unique<Owner>());
    owner.task = world.spawn("owner", [&member, &owner, writes, options] {
      const deimos::SharedMutex mutex = member.locks->shared_mutex("a");
      owner.hold = writes ? mutex.acquire(options, owner.cancel.get_token())
                          : mutex.acquire_shared(options, owner.cancel.get_token());
    });
    world.sleep(50ms);
    return owner;
  }
  Owner& reader(Member& member) { return start(member, false); }
  Owner& writer(Member& member) { return start(member, true); }
  void settle() { world.sleep(200ms); }

  World world;
  Member& first = world.add();
  Member& second = world.add();
  Member& third = world.add();

 private:
  std::vector<std::unique_ptr<Owner>> owners_;
};

TEST_F(SharedMutexTest, ReadersShareAndAWriterIsAlone) {
  Owner& one = reader(first);
  Owner& two = reader(second);
  Owner& three = reader(second);
  EXPECT_TRUE(one.in() && two.in() && three.in());
  Owner& alone = writer(third);
  EXPECT_FALSE(alone.in());
  one.release();
  two.release();
  settle();
  EXPECT_FALSE(alone.in()) << "one reads still";
  three.release();
  settle();
  EXPECT_TRUE(alone.in());
  EXPECT_FALSE(reader(first).in());
  EXPECT_FALSE(writer(second).in());
}

TEST_F(SharedMutexTest, AWriterThatWaitsKeepsLaterReadersOut) {  // G6, G11
  Owner& reading = reader(first);
  Owner& waiting = writer(second);
  Owner& late = reader(third);
  EXPECT_FALSE(late.in()) << "else readers could keep a writer waiting for ever";
  reading.release();
  settle();
  EXPECT_TRUE(waiting.in());
  EXPECT_FALSE(late.in());
  waiting.release();
  settle();
  EXPECT_TRUE(late.in());
}

TEST_F(SharedMutexTest, TheSameHoldsWithinOneProcess) {
  Owner& one = reader(first);
  Owner& two = reader(first);
  EXPECT_TRUE(one.in() && two.in());
  Owner& waiting = writer(first);
  Owner& late = reader(first);
  EXPECT_FALSE(waiting.in() || late.in());
  one.release();
  two.release();
  settle();
  EXPECT_TRUE(waiting.in());
  EXPECT_FALSE(late.in());
  waiting.release();
  settle();
  EXPECT_TRUE(late.in());
}

TEST_F(SharedMutexTest, TokensGrowFromEachWriterToAllThatComeLater) {  // FT
  Owner& before = reader(first);
  const std::uint64_t read = (*before.hold)->fencing_token();
  before.release();
  Owner& writing = writer(second);
  const std::uint64_t written = (*writing.hold)->fencing_token();
  EXPECT_GT(written, read);
  writing.release();
  settle();
  EXPECT_GT((*reader(third).hold)->fencing_token(), written);
}

TEST_F(SharedMutexTest, AReaderThatIsGoneDoesNotKeepWritersOut) {  // G9
  const Owner& gone = reader(first);
  first.faults->black_hole();
  Owner& waiting = writer(second);
  world.sleep(12s);
  EXPECT_TRUE(waiting.in());
  EXPECT_FALSE(gone.in());
}

TEST_F(SharedMutexTest, AReaderMayReadOnceMoreWhoeverWaits) {
  const deimos::SharedMutex mutex = first.locks->shared_mutex("a");
  mutex.lock_shared();
  Owner& waiting = writer(second);
  Owner& here = writer(first);
  EXPECT_TRUE(mutex.try_lock_shared()) << "else it would wait for the writer, and that for it";
  mutex.unlock_shared();
  EXPECT_FALSE(waiting.in() || here.in());
  mutex.unlock_shared();
  settle();
  EXPECT_TRUE(waiting.in());
}

TEST_F(SharedMutexTest, AReaderThatWantsToWriteIsRefused) {  // G8
  const deimos::SharedMutex mutex = first.locks->shared_mutex("a");
  const std::shared_lock reading(mutex);
  EXPECT_THAT(mutex.acquire(), FailsWith(errc::would_deadlock));
  EXPECT_THROW(mutex.lock(), LockError);
  AcquireOptions other;
  other.owner = 7;
  other.wait = Duration::zero();
  EXPECT_THAT(mutex.acquire(other), FailsWith(errc::lock_already_held)) << "another owner just waits";
}

TEST_F(SharedMutexTest, AWriterMayReadAndIsStillAlone) {
  const deimos::SharedMutex mutex = first.locks->shared_mutex("a");
  const std::unique_lock writing(mutex);
  {
    const std::shared_lock reading(mutex);
    EXPECT_FALSE(second.locks->shared_mutex("a").try_lock_shared());
  }
  EXPECT_FALSE(second.locks->shared_mutex("a").try_lock_shared()) << "it writes still";
}

TEST_F(SharedMutexTest, ADowngradeLetsReadersInAndWritersNot) {  // G7
  Owner& writing = writer(first);
  Owner& reading = reader(second);
  Owner& waiting = writer(third);
  Owner& late = reader(second);
  const std::uint64_t token = (*writing.hold)->fencing_token();
  ASSERT_THAT((*writing.hold)->downgrade(), Succeeds());
  settle();
  EXPECT_TRUE(reading.in());
  EXPECT_FALSE(waiting.in());
  EXPECT_FALSE(late.in()) << "it stands behind the writer";
  EXPECT_TRUE(writing.in());
  EXPECT_EQ((*writing.hold)->fencing_token(), token);
  world.sleep(1min);
  EXPECT_TRUE(writing.in()) << "it is renewed as a reader";
  EXPECT_FALSE(waiting.in());
  writing.release();
  reading.release();
  settle();
  EXPECT_TRUE(waiting.in());
  EXPECT_FALSE(late.in());
}

TEST_F(SharedMutexTest, ADowngradeLetsReadersOfTheSameProcessIn) {
  Owner& writing = writer(first);
  Owner& reading = reader(first);
  EXPECT_FALSE(reading.in());
  ASSERT_THAT((*writing.hold)->downgrade(), Succeeds());
  settle();
  EXPECT_TRUE(reading.in());
}

TEST_F(SharedMutexTest, ADowngradeWithoutAnAnswerIsNoLossAndIsWrittenAgain) {
  Owner& writing = writer(first);
  Owner& reading = reader(second);
  for (const Fault& fault : {lose_request(), lose_answer()}) {
    first.faults->next(Step::take_over, fault);
  }
  EXPECT_THAT((*writing.hold)->downgrade(), Succeeds());
  EXPECT_TRUE(writing.in());
  world.sleep(9s);
  EXPECT_TRUE(writing.in());
  EXPECT_TRUE(reading.in());
  EXPECT_EQ(first.seen(LockEvent::Kind::lost), 0);
  writing.release();
  EXPECT_EQ(second.locks->shared_mutex("a").line()->size(), 1U) << "what it became can be given back";
}

TEST_F(SharedMutexTest, ADowngradeWhoseAnswerIsLostIsGivenBackAllTheSame) {  // A8
  Owner& writing = writer(first);
  first.faults->next(Step::take_over, lose_answer());
  first.faults->always(Step::renew, lose_request());
  first.faults->always(Step::take_over, lose_request());
  EXPECT_THAT((*writing.hold)->downgrade(), Succeeds());
  writing.release();
  EXPECT_EQ(second.locks->shared_mutex("a").line()->size(), 0U);
}

TEST_F(SharedMutexTest, ADowngradeIsWrittenAlsoIfNothingIsRenewed) {
  Owner& writing = writer(first);
  Owner& reading = reader(second);
  (*writing.hold)->pause_renewal();
  first.faults->next(Step::take_over, refuse());
  EXPECT_THAT((*writing.hold)->downgrade(), Succeeds());
  world.sleep(2s);
  EXPECT_TRUE(reading.in());
}

TEST_F(SharedMutexTest, ReadersOfOneProcessAskTheStoreTogether) {
  Owner& writing = writer(first);
  std::vector<Owner*> readers;
  for (int i = 0; i < 4; ++i) readers.push_back(&reader(first));
  first.faults->always(Step::enqueue, delay_answer(1s));
  writing.release();
  world.sleep(1500ms);
  for (const Owner* one : readers) EXPECT_TRUE(one->in());
}

TEST_F(SharedMutexTest, ARenewalThatCrossesADowngradeIsNoLoss) {
  Owner& writing = writer(first);
  // It is sent with what was written so far, and answered when that is no more so.
  first.faults->before(Step::renew, [&] { ASSERT_THAT((*writing.hold)->downgrade(), Succeeds()); });
  ASSERT_THAT((*writing.hold)->renew(), Succeeds());
  EXPECT_TRUE(writing.in());
  world.sleep(1min);
  EXPECT_TRUE(writing.in());
  EXPECT_EQ(first.seen(LockEvent::Kind::lost), 0);
}

TEST_F(SharedMutexTest, ADowngradeOfWhatIsLostSaysSo) {  // E13
  Owner& writing = writer(first);
  ASSERT_TRUE(second.locks->force_unlock("a").value());
  EXPECT_THAT((*writing.hold)->downgrade(), FailsWith(errc::lock_not_held));
}

TEST_F(SharedMutexTest, OnlyAnExclusiveHoldCanBecomeShared) {
  Owner& reading = reader(first);
  const int before = first.faults->total();
  EXPECT_THAT((*reading.hold)->downgrade(), Succeeds()) << "it is shared already";
  EXPECT_EQ(first.faults->total(), before);
  const Hold mutex = first.locks->mutex("m").acquire().value();
  EXPECT_THAT(mutex.downgrade(), FailsWith(errc::invalid_argument));
}

TEST_F(SharedMutexTest, TheStandardsWrappersWork) {
  const deimos::SharedMutex mutex = first.locks->shared_mutex("a");
  const deimos::SharedMutex rival = second.locks->shared_mutex("a");
  {
    const std::shared_lock one(mutex);
    const std::shared_lock two(rival, 1s);
    EXPECT_TRUE(two.owns_lock());
    const std::unique_lock three(rival, std::try_to_lock);
    EXPECT_FALSE(three.owns_lock());
  }
  {
    const std::scoped_lock one(mutex);
    const std::shared_lock two(rival, 1s);
    EXPECT_FALSE(two.owns_lock());
  }
  mutex.lock();
  ASSERT_THAT(mutex.downgrade(), Succeeds());
  EXPECT_TRUE(rival.try_lock_shared());
  rival.unlock_shared();
  mutex.unlock();
  EXPECT_EQ(first.seen(LockEvent::Kind::stray_unlock), 1) << "it was shared by then";
  mutex.unlock_shared();
  EXPECT_TRUE(rival.try_lock());
  rival.unlock();
}

TEST_F(SharedMutexTest, ForceUnlockTakesItFromAllWhoReadIt) {
  const Owner& one = reader(first);
  const Owner& two = reader(second);
  Owner& waiting = writer(third);
  EXPECT_TRUE(third.locks->force_unlock("a").value());
  world.sleep(4s);
  EXPECT_FALSE(one.in() || two.in());
  EXPECT_TRUE(waiting.in()) << "who waited was not taken out";
}

TEST_F(SharedMutexTest, TheLineSaysWhoReadsAndWhoWaitsToWrite) {
  reader(first);
  writer(second);
  reader(third);
  const auto line = first.locks->shared_mutex("a").line().value();
  ASSERT_EQ(line.size(), 3U);
  EXPECT_EQ(line[0].kind, LockKind::reader);
  EXPECT_EQ(line[1].kind, LockKind::writer);
  EXPECT_FALSE(line[0].waiting);
  EXPECT_TRUE(line[1].waiting);
  EXPECT_TRUE(line[2].waiting);
}

}  // namespace
}  // namespace deimos::lock_test
