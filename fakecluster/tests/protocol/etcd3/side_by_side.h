// A real etcd and the fake, asked the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include <deimos/fake/node.h>

#include "http/raw_client.h"
#include "protocol/etcd3/session.h"
#include "protocol/recorded_reply.h"
#include "servers/etcd_server.h"

namespace deimos::fake::etcd3 {

/// Both fresh. Used by one thread.
class SideBySide {
 public:
  SideBySide();

  /// What a client of either can tell them apart by: of this step, and of every stream that is open after it. Empty: by
  /// nothing. Throws std::runtime_error if etcd says nothing where the fake says something.
  std::string take(const Step& step);

  [[nodiscard]] std::int64_t revision() const { return static_cast<std::int64_t>(node_.statistics().index); }
  [[nodiscard]] std::size_t open_streams() const noexcept { return streams_.size(); }
  [[nodiscard]] int successes() const noexcept { return successes_; }
  [[nodiscard]] int refusals() const noexcept { return refusals_; }
  [[nodiscard]] int messages() const noexcept { return messages_; }

 private:
  struct StartedEtcd : EtcdServer {
    StartedEtcd();
  };
  struct OpenStream {
    Step step;
    std::unique_ptr<RawClient> real;
    std::shared_ptr<RecordedReply> fake;
    RequestHandler::Ticket ticket = 0;
    std::string received = {};  ///< From etcd, and not looked at yet.
    std::size_t compared = 0;

    /// The next line that etcd sends.
    std::string message();
  };

  void move_clock();
  std::string ask(const Step& step);
  std::string open_stream(const Step& step);
  std::string compare_messages(OpenStream& stream);
  std::string compare_streams();

  StartedEtcd etcd_;
  Node node_;
  std::chrono::steady_clock::time_point start_;
  std::unique_ptr<RawClient> client_;
  /// By then etcd has looked at the last watch, if that begins in the past: it does so every 100 ms, and says nothing
  /// if nothing happened since.
  std::chrono::steady_clock::time_point synced_{};
  std::deque<OpenStream> streams_;
  int successes_ = 0;
  int refusals_ = 0;
  int messages_ = 0;
};

}  // namespace deimos::fake::etcd3
