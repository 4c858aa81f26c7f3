// The Store beside its model, on programs that RapidCheck makes and shrinks.
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "store/store_exercise.h"

namespace deimos::fake {
namespace {

RC_GTEST_PROP(StoreProperty, AnswersAndTellsWatchersAsTheModelDoes, ()) {
  const auto program =
      *rc::gen::scale(8.0, rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>()));
  const std::string difference = exercise_store(program);
  if (!difference.empty()) RC_FAIL(difference);
}

}  // namespace
}  // namespace deimos::fake
