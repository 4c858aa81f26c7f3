// Who may go in: over all small queues.
#include "locks/queue/admission.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace deimos {
namespace {

using Kind = QueueVerdict::Kind;

LockQueue queue_with(const std::vector<LockValue>& values) {
  LockQueue queue;
  std::uint64_t index = 7;
  for (LockValue value : values) {
    value.token = "token " + std::to_string(index);
    LockRecord record;
    record.key = "/locks/a/" + std::to_string(index);
    record.created_revision = index++;
    queue.places.push_back({std::move(record), std::move(value)});
  }
  return queue;
}

LockValue of_kind(LockKind kind) {
  LockValue value;
  value.kind = kind;
  return value;
}

LockValue wanting(int permits) {
  LockValue value = of_kind(LockKind::semaphore);
  value.permits = permits;
  return value;
}

std::string text_of(const LockQueue& queue) {
  std::string text;
  for (const QueuePlace& place : queue.places) text += deimos::text_of(place.value) + "\n";
  return text;
}

/// Calls `check` with every queue of up to `most` of these.
template <typename Check>
void for_each_queue(const std::vector<LockValue>& values, std::size_t most, Check check) {
  std::vector<std::vector<LockValue>> queues{{}};
  for (std::size_t length = 1; length <= most; ++length) {
    std::vector<std::vector<LockValue>> longer;
    for (const auto& queue : queues) {
      for (const LockValue& value : values) {
        longer.push_back(queue);
        longer.back().push_back(value);
      }
    }
    queues = std::move(longer);
    for (const auto& queue : queues) check(queue_with(queue));
  }
}

TEST(Admission, OfAFairMutexTheFirstIsInAndEachOtherWaitsForTheOneBefore) {
  for_each_queue({of_kind(LockKind::fair_mutex)}, 6, [](const LockQueue& queue) {
    for (std::size_t i = 0; i < queue.places.size(); ++i) {
      const QueueVerdict verdict = verdict_on(queue, i, 1);
      EXPECT_EQ(verdict.kind, i == 0 ? Kind::admitted : Kind::wait_for_place);
      if (i > 0) {
        EXPECT_EQ(verdict.index, i - 1);
      }
    }
  });
}

TEST(Admission, OfASharedMutexReadersAreInTogetherAndAWriterAlone) {
  for_each_queue({of_kind(LockKind::reader), of_kind(LockKind::writer)}, 8, [](const LockQueue& queue) {
    std::size_t first_writer = 0;
    while (first_writer < queue.places.size() && queue.places[first_writer].value.kind == LockKind::reader) {
      ++first_writer;
    }
    for (std::size_t i = 0; i < queue.places.size(); ++i) {
      const bool writes = queue.places[i].value.kind == LockKind::writer;
      const QueueVerdict verdict = verdict_on(queue, i, 1);
      // Readers up to the first writer; that writer, if nobody is before it.
      const bool in = i < first_writer || (i == 0 && writes);
      ASSERT_EQ(verdict.kind, in ? Kind::admitted : Kind::wait_for_place) << i << " of\n" << text_of(queue);
      EXPECT_EQ(is_admitted(queue, i), in);
      if (in) continue;
      // The nearest that it excludes: when that is gone, whoever is left before it decides anew.
      ASSERT_LT(verdict.index, i);
      EXPECT_TRUE(writes || queue.places[verdict.index].value.kind == LockKind::writer) << text_of(queue);
      for (std::size_t between = verdict.index + 1; between < i; ++between) {
        EXPECT_TRUE(!writes && queue.places[between].value.kind == LockKind::reader) << text_of(queue);
      }
    }
  });
}

TEST(Admission, OfASemaphoreAsManyAreInAsFitAndNobodyOvertakes) {
  for (int permits = 1; permits <= 4; ++permits) {
    for_each_queue({wanting(1), wanting(2), wanting(3)}, 6, [&](const LockQueue& queue) {
      int taken = 0;
      bool full = false;
      for (std::size_t i = 0; i < queue.places.size(); ++i) {
        const int wanted = queue.places[i].value.permits;
        const QueueVerdict verdict = verdict_on(queue, i, permits);
        if (wanted > permits) {
          EXPECT_EQ(verdict.kind, Kind::too_many);
          full = true;  // Until it has gone.
          continue;
        }
        const bool is_head = !full && taken + wanted > permits;
        if (full) {
          ASSERT_EQ(verdict.kind, Kind::wait_for_place) << i << " of\n" << text_of(queue);
          EXPECT_EQ(verdict.index, i - 1);
        } else if (is_head) {
          ASSERT_EQ(verdict.kind, Kind::wait_for_any) << i << " of\n" << text_of(queue);
          full = true;
        } else {
          ASSERT_EQ(verdict.kind, Kind::admitted) << i << " of\n" << text_of(queue);
          taken += wanted;
        }
        ASSERT_LE(taken, permits);
      }
    });
  }
}

TEST(Admission, ManyHugePlacesDoNotOverflow) {
  constexpr int most = 1'000'000'000;
  const LockQueue queue = queue_with(std::vector<LockValue>(9, wanting(most)));
  EXPECT_EQ(verdict_on(queue, 0, most).kind, Kind::admitted);
  for (std::size_t i = 1; i < 9; ++i) EXPECT_NE(verdict_on(queue, i, most).kind, Kind::admitted);
}

TEST(Admission, WhoeverIsFirstSaysWhatKindItIs) {
  for (const LockKind kind : {LockKind::fair_mutex, LockKind::writer, LockKind::semaphore, LockKind::election}) {
    const LockQueue queue = queue_with({of_kind(kind), of_kind(LockKind::reader), of_kind(LockKind::semaphore)});
    EXPECT_EQ(verdict_on(queue, 0, 5).kind, Kind::admitted) << "who was first stays";
    EXPECT_EQ(verdict_on(queue, 1, 5).kind, kind == LockKind::writer ? Kind::wait_for_place : Kind::kind_differs);
    // Its own kind is right: the one between is about to be refused.
    EXPECT_EQ(verdict_on(queue, 2, 5).kind, kind == LockKind::semaphore ? Kind::wait_for_place : Kind::kind_differs);
    EXPECT_EQ(verdict_on(queue, 2, 5).index, kind == LockKind::semaphore ? 1U : 0U);
  }
}

LockRecord record(const std::string& key, std::uint64_t created, const std::string& text) {
  LockRecord made;
  made.key = key;
  made.token = text;
  made.created_revision = made.revision = created;
  return made;
}

TEST(Admission, WhatElseIsInTheDirectoryIsNoPlace) {
  const LockQueue queue =
      queue_of({{record("/locks/a/3", 3, "fair;x"), record("/locks/a/limit", 4, "permits: 5"),
                 record("/locks/a/b", 5, "somebody's plain lock"), record("/locks/a/6", 6, "fair;y")},
                9});
  ASSERT_EQ(queue.places.size(), 2U);
  EXPECT_EQ(queue.places[1].value.token, "y");
  EXPECT_EQ(queue.permits, 5);
  EXPECT_FALSE(queue.resized);
  EXPECT_EQ(queue.revision, 9U);
}

TEST(Admission, ALimitThatMakesNoSenseIsNone) {
  for (const std::string text : {"", "5", "permits: 0", "permits: -2", "permits: five", "permits: 5, changed"}) {
    EXPECT_EQ(queue_of({{record("/locks/a/limit", 4, text)}, 9}).permits, std::nullopt) << text;
  }
  const LockQueue resized = queue_of({{record("/locks/a/limit", 4, limit_text(7, true))}, 9});
  EXPECT_EQ(resized.permits, 7);
  EXPECT_TRUE(resized.resized);
}

TEST(Admission, WhoWasLetInIsInAlsoIfThereAreLessPermitsNow) {
  LockValue held = wanting(2);
  held.held = true;
  LockQueue queue = queue_with({held, wanting(1)});
  queue.permits = 1;
  EXPECT_TRUE(is_admitted(queue, 0));
  EXPECT_FALSE(is_admitted(queue, 1));
}

}  // namespace
}  // namespace deimos
