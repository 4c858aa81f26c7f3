// A real etcd and the fake, asked the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include <deimos/fake/node.h>

#include "http/raw_client.h"
#include "protocol/etcd2/session.h"
#include "protocol/recorded_reply.h"
#include "servers/etcd2_server.h"

namespace deimos::fake {

/// Both fresh. Used by one thread.
class SideBySide {
 public:
  SideBySide();

  /// What a client of either can tell them apart by: of this step, and of every watch that is open after it. Empty: by
  /// nothing. Throws std::runtime_error if etcd says nothing where the fake says something.
  std::string take(const Step& step);

  [[nodiscard]] std::uint64_t index() const { return node_.statistics().index; }
  [[nodiscard]] std::size_t open_watches() const noexcept { return watches_.size(); }
  /// What the fake answered last.
  [[nodiscard]] const Response& last() const noexcept { return last_; }
  [[nodiscard]] int successes() const noexcept { return successes_; }
  [[nodiscard]] int refusals() const noexcept { return refusals_; }
  [[nodiscard]] int events() const noexcept { return events_; }

 private:
  struct OpenWatch {
    Step step;
    std::unique_ptr<RawClient> real;
    std::shared_ptr<RecordedReply> fake;
    RequestHandler::Ticket ticket = 0;
    std::size_t compared = 0;
  };

  void move_clock();
  std::string ask(const Step& step);
  std::string start_watch(const Step& step);
  std::string compare_events(OpenWatch& watch);
  std::string compare_watches();
  void count(const Response& response);

  Etcd2Server etcd_;
  Node node_;
  std::chrono::steady_clock::time_point start_;
  std::unique_ptr<RawClient> client_;
  std::deque<OpenWatch> watches_;
  Response last_;
  int successes_ = 0;
  int refusals_ = 0;
  int events_ = 0;
};

}  // namespace deimos::fake
