#include "fibers/unwind_probe.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace deimos::testkit {
namespace {

bool reached = false;
std::function<void()> way;

[[gnu::noinline]] void base(void*) {
  way();
  asm volatile("");
}

[[gnu::noinline]] void probe() {
  reached = exception_would_reach(&base);
  asm volatile("");
}

[[gnu::noinline]] void through_noexcept() noexcept {
  probe();
  asm volatile("");
}

[[gnu::noinline]] void through_noexcept_with_locals() noexcept {
  const std::string local(100, 'x');
  probe();
  asm volatile("" : : "r"(local.data()));
}

[[gnu::noinline]] void through_locals() {
  const std::string local(100, 'x');
  probe();
  asm volatile("" : : "r"(local.data()));
}

[[gnu::noinline]] void through_catch_all() {
  try {
    probe();
  } catch (...) {
    reached = true;
    throw;
  }
}

[[gnu::noinline]] void through_catch_of_errors() {
  try {
    probe();
  } catch (const std::exception&) {
    reached = false;
  }
}

struct Destroyed {
  std::string member = std::string(100, 'x');
  [[gnu::noinline]] ~Destroyed() {
    probe();
    asm volatile("");
  }
};

bool reaches(std::function<void()> body) {
  reached = false;
  way = std::move(body);
  base(nullptr);
  return reached;
}

TEST(UnwindProbe, GoesThroughFunctionsThatMayThrow) {
  EXPECT_TRUE(reaches([] { probe(); }));
  EXPECT_TRUE(reaches([] { through_locals(); }));
  EXPECT_TRUE(reaches([] { through_catch_of_errors(); }));
  const auto shared = std::make_shared<int>(1);
  EXPECT_TRUE(reaches([shared] {
    const std::string local(100, 'x');
    const std::function<void()> inner = [shared] { through_locals(); };
    inner();
  }));
}

TEST(UnwindProbe, IsStoppedByNoexcept) {
  EXPECT_FALSE(reaches([] { through_noexcept(); }));
  EXPECT_FALSE(reaches([] { through_noexcept_with_locals(); }));
}

TEST(UnwindProbe, IsStoppedByADestructor) {
  EXPECT_FALSE(reaches([] { const Destroyed local; }));
  EXPECT_FALSE(reaches([] { std::make_unique<Destroyed>().reset(); }));
}

TEST(UnwindProbe, IsStoppedByACatchAll) {
  EXPECT_FALSE(reaches([] { through_catch_all(); }));
}

}  // namespace
}  // namespace deimos::testkit
