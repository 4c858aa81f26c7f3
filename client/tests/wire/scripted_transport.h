// A Transport that answers what a test tells it to, and remembers what it was asked.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <deimos/transport.h>

#include "runtime/manual_runtime.h"

namespace deimos {

/// One request as it came.
struct Asked {
  std::string endpoint;
  Request request;
  TimePoint at;
  TimePoint deadline;
};

/// For one thread.
class ScriptedTransport final : public Transport {
 public:
  using Step = std::function<Exchange(const Asked&)>;

  explicit ScriptedTransport(ManualRuntime& runtime) : runtime_(runtime) {}

  /// The next exchange; after the last one given, `otherwise` answers.
  void then(Step step) { steps_.push_back(std::move(step)); }
  void then(Exchange exchange) {
    then([exchange = std::move(exchange)](const Asked&) { return exchange; });
  }
  void otherwise(Step step) { otherwise_ = std::move(step); }

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token) override {
    asked.push_back({endpoint, request, runtime_.now(), deadline});
    if (steps_.empty()) return otherwise_(asked.back());
    const Step step = std::move(steps_.front());
    steps_.pop_front();
    return step(asked.back());
  }
  void close() noexcept override {}
  void forget(const std::string& endpoint) noexcept override { forgotten.push_back(endpoint); }

  std::vector<Asked> asked;
  std::vector<std::string> forgotten;

 private:
  ManualRuntime& runtime_;
  std::deque<Step> steps_;
  Step otherwise_ = [](const Asked&) -> Exchange {
    throw std::logic_error("an exchange that the test did not expect");
  };
};

inline Exchange answer(int status, std::string body, Headers headers = {{"X-Deimos-Index", "7"}}) {
  return Response{.status = status, .headers = std::move(headers), .body = std::move(body)};
}

inline Exchange got(const std::string& key, std::uint64_t index) {
  return answer(200, R"({"action":"get","node":{"key":")" + key + R"(","value":"v","modifiedIndex":)" +
                         std::to_string(index) + R"(,"createdIndex":)" + std::to_string(index) + "}}\n");
}

inline Exchange failure(Failure::Reason reason, Delivery delivery, std::string message = "scripted") {
  return tl::unexpected<Failure>(Failure{.reason = reason, .delivery = delivery, .message = std::move(message)});
}

inline Exchange refused() { return failure(Failure::Reason::refused, Delivery::not_sent, "connection refused"); }

/// A Transport that is shared with a Client but belongs to the test; a Runtime likewise.
template <typename T>
std::shared_ptr<T> borrow(T& object) {
  return std::shared_ptr<T>(&object, [](T*) {});
}

}  // namespace deimos
