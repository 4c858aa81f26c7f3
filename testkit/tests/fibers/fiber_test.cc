#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fibers/fiber_context.h"
#include "fibers/fiber_stack.h"

namespace deimos::testkit {
namespace {

/// A stack that runs `body` and then goes back to whoever made it.
class Coroutine {
 public:
  explicit Coroutine(std::function<void(Coroutine&)> body) : stack_(256 * 1024), body_(std::move(body)) {
    inner_.prepare(
        stack_, [](void* self) { static_cast<Coroutine*>(self)->run(); }, this);
  }
  void resume() { outer_.switch_to(inner_); }
  void yield() { inner_.switch_to(outer_); }

 private:
  void run() {
    body_(*this);
    inner_.finish(outer_);
  }

  FiberStack stack_;
  FiberContext outer_;
  FiberContext inner_;
  std::function<void(Coroutine&)> body_;
};

TEST(FiberContext, GoesOnWhereItWasLeft) {
  std::vector<int> order;
  Coroutine coroutine([&](Coroutine& self) {
    order.push_back(1);
    self.yield();
    order.push_back(3);
  });
  coroutine.resume();
  order.push_back(2);
  coroutine.resume();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(FiberContext, RethrowsItsOwnExceptionAfterASwitchInsideTheHandler) {
  std::vector<std::string> caught;
  const auto thrower = [&](const std::string& name) {
    return std::make_unique<Coroutine>([&caught, name](Coroutine& self) {
      try {
        try {
          throw std::runtime_error(name);
        } catch (...) {
          self.yield();
          throw;
        }
      } catch (const std::runtime_error& error) {
        caught.push_back(name + " caught " + error.what());
      }
    });
  };
  const auto a = thrower("a");
  const auto b = thrower("b");
  a->resume();
  b->resume();
  a->resume();
  b->resume();
  EXPECT_EQ(caught, (std::vector<std::string>{"a caught a", "b caught b"}));
}

TEST(FiberContext, CountsUncaughtExceptionsForEachStack) {
  struct YieldsWhileUnwinding {
    ~YieldsWhileUnwinding() {
      EXPECT_EQ(std::uncaught_exceptions(), 1);
      coroutine.yield();
      EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
    Coroutine& coroutine;
  };
  Coroutine coroutine([](Coroutine& self) {
    try {
      const YieldsWhileUnwinding guard{self};
      throw std::runtime_error("unwinds");
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(std::uncaught_exceptions(), 0);
  });
  coroutine.resume();
  EXPECT_EQ(std::uncaught_exceptions(), 0);
  coroutine.resume();
}

TEST(FiberContext, LeavesAnExceptionOfTheDriverAlone) {
  Coroutine coroutine([](Coroutine&) {
    try {
      throw std::logic_error("inner");
    } catch (const std::logic_error&) {
    }
  });
  try {
    throw std::runtime_error("outer");
  } catch (const std::runtime_error&) {
    coroutine.resume();
    EXPECT_STREQ(std::current_exception() ? "kept" : "gone", "kept");
    EXPECT_THROW(throw, std::runtime_error);
  }
}

TEST(FiberStackPool, HandsOutAStackThatWasGivenBack) {
  FiberStackPool pool(64 * 1024);
  FiberStack stack = pool.take();
  EXPECT_GE(stack.size(), 64u * 1024);
  const std::byte* const bottom = stack.bottom();
  stack.top()[-1] = std::byte{1};
  pool.give_back(std::move(stack));
  EXPECT_EQ(pool.take().bottom(), bottom);
}

TEST(FiberStackDeathTest, EndsTheProgramAtAnOverflow) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        std::function<int(int)> descend = [&](int depth) {
          volatile char frame[4096];
          frame[0] = static_cast<char>(depth);
          return descend(depth + 1) + frame[0];
        };
        Coroutine coroutine([&](Coroutine&) { descend(0); });
        coroutine.resume();
      },
      "");
}

}  // namespace
}  // namespace deimos::testkit
