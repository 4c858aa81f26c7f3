// One stop_token out of two.
#pragma once

#include <optional>
#include <stop_token>
#include <utility>

namespace deimos {

/// token() is triggered as soon as either of the two is. Costs nothing if the first cannot be.
class StopEither {
 public:
  StopEither(const std::stop_token& first, std::stop_token second) {
    if (!first.stop_possible()) {
      token_ = std::move(second);
      return;
    }
    source_.emplace();
    token_ = source_->get_token();
    on_first_.emplace(first, Forward{*source_});
    on_second_.emplace(std::move(second), Forward{*source_});
  }
  StopEither(const StopEither&) = delete;
  StopEither& operator=(const StopEither&) = delete;

  [[nodiscard]] const std::stop_token& token() const noexcept { return token_; }

 private:
  struct Forward {
    std::stop_source source;
    void operator()() const noexcept {
      std::stop_source copy = source;
      copy.request_stop();
    }
  };

  std::optional<std::stop_source> source_;
  std::stop_token token_;
  std::optional<std::stop_callback<Forward>> on_first_;
  std::optional<std::stop_callback<Forward>> on_second_;
};

}  // namespace deimos
