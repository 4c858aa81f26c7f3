// What a session asks of an etcd v3, step by step: a line of text each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include <deimos/internal/random_stream.h>
#include <deimos/transport.h>

namespace deimos::fake::etcd3 {

/// `/kv/put {"key":"@a","value":"@1"}`: a POST behind the prefix, `@` before what is to be base64. `GET /health`: any
/// other request. `WATCH {"create_request":{"key":"@a"}}`: a stream that goes on while other steps are taken. `LEAVE`:
/// the oldest of them is given up. `SLEEP 1700`: milliseconds.
struct Step {
  std::string verb;
  std::string body = {};

  [[nodiscard]] std::string text() const { return body.empty() ? verb : verb + " " + body; }
  [[nodiscard]] Request request() const;
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
  explicit RandomSteps(std::uint64_t seed) : random_(seed, "etcd3 steps") {}

  /// `revision`: the store's. `watches`: how many are open.
  Step next(std::int64_t revision, std::size_t watches);

 private:
  using Fields = std::vector<std::string>;

  std::string key();
  std::string range(bool may_be_endless);
  std::string value();
  std::string lease();
  std::string revision_near(std::int64_t revision);
  std::string one_of(const std::vector<std::string>& texts);
  std::string flag(const char* name);
  std::string range_request(std::int64_t revision);
  std::string put_request();
  std::string delete_request(bool may_be_endless);
  std::string compare(std::int64_t revision);
  std::string txn(std::int64_t revision, int depth);
  std::string operations(std::int64_t revision, int depth);
  Step lease_step();
  Step watch(std::int64_t revision);
  Step strange();
  [[nodiscard]] static std::string object(const Fields& fields);

  internal::RandomStream random_;
  bool has_short_lease_ = false;
};

}  // namespace deimos::fake::etcd3
