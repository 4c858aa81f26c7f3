// Services: what processes ask of each other over the simulated network.
//
//     simulation.spawn("db", [](Process& process) {
//       std::string kept;
//       const Service service = process.serve("db", [&](const ServiceCall& call) -> Result<std::string> {
//         process.sleep(2ms);  // It may wait; other calls are handled meanwhile.
//         return std::exchange(kept, call.request);
//       });
//       process.stand_by();
//     });
//     …
//     Result<std::string> before = process.call("db", "new", 1s);
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <deimos/error.h>
#include <deimos/internal/export.h>

namespace deimos::testkit {

/// A call as it reaches whoever serves it.
struct ServiceCall {
  std::string from;  ///< The process that called.
  std::string service;
  std::string request;
};

/// Called in a task of its own for each message that arrives, so twice for one that the network doubled. It may wait;
/// an Error that it returns goes to the caller as it is. An exception that escapes it ends the simulation.
using ServiceHandler = std::function<Result<std::string>(const ServiceCall& call)>;

/// Served for as long as this lives. What the handler refers to must be declared before it.
class DEIMOS_EXPORT Service {
 public:
  /// More calls that are handled at once are refused.
  static constexpr std::size_t most_calls = 1000;

  Service(Service&&) noexcept;
  Service& operator=(Service&&) = delete;
  /// Refuses calls from now on, and waits for the end of those that are handled.
  ~Service();

  [[nodiscard]] const std::string& name() const noexcept;
  /// How many calls are handled right now.
  [[nodiscard]] std::size_t calls() const noexcept;

  struct State;
  /// For Process.
  explicit Service(std::shared_ptr<State> state) noexcept;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace deimos::testkit
