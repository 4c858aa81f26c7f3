// What a session asks of a store, step by step: a line of text each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include <deimos/internal/random_stream.h>
#include <deimos/transport.h>

namespace deimos::fake {

/// `PUT /v2/keys/a value=1`, `WATCH /v2/keys/a?wait=true` (a long poll that goes on while other steps are taken),
/// `LEAVE` (the oldest of them is given up), `SLEEP 1700` (milliseconds).
struct Step {
  std::string verb;
  std::string target = {};
  std::string form = {};

  [[nodiscard]] std::string text() const;
  [[nodiscard]] Request request() const;
  /// Throws std::runtime_error if it is none.
  [[nodiscard]] static Step parse(const std::string& line);
};

struct Session {
  std::string name;
  std::vector<Step> steps;
};

/// Of lines as above; `# NAME` begins a session, empty lines mean nothing.
[[nodiscard]] std::vector<Session> read_sessions(std::istream& lines);

/// Steps drawn one by one, so that they can depend on what the store has come to.
class RandomSteps {
 public:
  explicit RandomSteps(std::uint64_t seed) : random_(seed, "etcd2 steps") {}

  /// `index`: the store's. `watches`: how many are open.
  Step next(std::uint64_t index, std::size_t watches);
  /// A key that the store has named.
  void learn(const std::string& key);

 private:
  std::string key();
  std::string value();
  std::string index_near(std::uint64_t index);
  std::string flag();
  Step write(std::uint64_t index);
  Step removal(std::uint64_t index);
  Step read();
  Step watch(std::uint64_t index);
  Step strange();

  internal::RandomStream random_;
  std::vector<std::string> learnt_;
  bool has_short_lease_ = false;
};

}  // namespace deimos::fake
