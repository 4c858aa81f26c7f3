// What a checker says.
#pragma once

#include <string>
#include <utility>

namespace deimos::testkit {

/// All is well, or a sentence that says what went wrong, when and who did it, with the events around.
class Verdict {
 public:
  Verdict() = default;
  static Verdict wrong(std::string what) {
    Verdict verdict;
    verdict.ok_ = false;
    verdict.what_ = std::move(what);
    return verdict;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const std::string& what() const noexcept { return what_; }

 private:
  bool ok_ = true;
  std::string what_ = "all is well";
};

}  // namespace deimos::testkit
