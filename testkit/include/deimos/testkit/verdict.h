// The result of a checker.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include <deimos/internal/export.h>
#include <deimos/runtime.h>

namespace deimos::testkit {

/// Either ok, or the first violation: what happened, when, by whom, with the events around it.
class DEIMOS_EXPORT Verdict {
 public:
  Verdict() = default;
  /// `at`: when the violation happened, if known.
  static Verdict wrong(std::string what, std::optional<Duration> at = {}) {
    Verdict verdict;
    verdict.ok_ = false;
    verdict.at_ = at;
    verdict.what_ = std::move(what);
    return verdict;
  }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  [[nodiscard]] const std::string& what() const noexcept { return what_; }
  /// True time since the start of the run.
  [[nodiscard]] std::optional<Duration> at() const noexcept { return at_; }

 private:
  bool ok_ = true;
  std::optional<Duration> at_;
  std::string what_ = "all is well";
};

}  // namespace deimos::testkit
