// One stop_token for two: triggered when either is.
#pragma once

#include <functional>
#include <stop_token>

namespace deimos {

class JoinedStop {
 public:
  JoinedStop(const std::stop_token& first, const std::stop_token& second)
      : on_first_(first, [this] { source_.request_stop(); }), on_second_(second, [this] { source_.request_stop(); }) {}
  JoinedStop(const JoinedStop&) = delete;
  JoinedStop& operator=(const JoinedStop&) = delete;

  [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_first_;
  std::stop_callback<std::function<void()>> on_second_;
};

}  // namespace deimos
