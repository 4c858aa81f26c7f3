// Replays a recorded session (conformance/README.md) against a fake and says where it differs.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <deimos/transport.h>

namespace deimos::fake {

/// One fresh node named node1 with client URL http://127.0.0.1:4001, and a way to it.
class ReplaySubject {
 public:
  virtual ~ReplaySubject() = default;
  /// The session has come to this time since its first step. For nodes on a manual clock.
  virtual void move_to(std::chrono::milliseconds since_start) = 0;
  /// The whole answer.
  virtual Response exchange(const Request& request) = 0;
  /// Sends a long poll, and returns once the node waits for an event on its behalf.
  virtual void start(const std::string& id, const Request& request) = 0;
  /// The whole answer of that long poll.
  virtual Response await(const std::string& id) = 0;
};

class Replayer {
 public:
  explicit Replayer(ReplaySubject& subject) : subject_(subject) {}

  /// Replays the session and describes each difference in a line. Throws std::runtime_error if it cannot be read.
  std::vector<std::string> replay(const std::filesystem::path& session);
  /// How many steps were compared.
  [[nodiscard]] int compared() const noexcept { return compared_; }

 private:
  ReplaySubject& subject_;
  int compared_ = 0;
};

/// The sessions that come with the sources, sorted.
std::vector<std::filesystem::path> recorded_sessions();

}  // namespace deimos::fake
