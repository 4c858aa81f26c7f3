// The streams of events of one etcd v3 node: each is one answer that stays open, with watches on it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/clock.h>
#include <deimos/fake/request_handler.h>

#include "protocol/gateway_answer.h"
#include "protocol/gateway_request.h"
#include "versions/version_store.h"

namespace deimos::fake {

/// Not thread-safe. What is told is as of a store and by a writer that whoever calls gives.
class EventStreams {
 public:
  using StreamId = std::uint64_t;
  /// A watch that asked for it is told how far the store has come, if nothing else was to be told so long.
  static constexpr std::chrono::nanoseconds progress_interval = std::chrono::minutes(10);

  struct Source {
    const versions::VersionStore& store;
    const GatewayAnswers& answers;
  };

  /// `backlog_limit`: a stream with as many messages not yet taken ends.
  explicit EventStreams(std::size_t backlog_limit) noexcept : backlog_limit_(backlog_limit) {}

  /// `refusal`: why no watch is made on it; empty: each that can be is.
  StreamId open(std::shared_ptr<Reply> reply, const WatchRequest& request, const std::string& refusal,
                const Source& source, Instant now);
  /// The client went away.
  void remove(StreamId stream);
  /// Tells each watch of those events that it wants.
  void tell(const std::vector<versions::VersionEvent>& events, const Source& source);
  /// When the next stream has progress to tell of, and which; Instant::max() and 0 if none has.
  [[nodiscard]] std::pair<Instant, StreamId> next_progress() const noexcept;
  void tell_progress(StreamId stream, const Source& source);

  void end_all();
  void break_all();
  /// A fault: forgets every watch of a key that `wanted` accepts, without a word.
  void forget(const std::function<bool(const std::string& key)>& wanted);
  [[nodiscard]] bool empty() const noexcept { return streams_.empty(); }
  /// How many watches there are, on all streams, of a key that `wanted` accepts.
  [[nodiscard]] std::size_t count(const std::function<bool(const std::string& key)>& wanted) const;

 private:
  struct Watch {
    WatchCreation wanted;
    std::int64_t next = 0;  ///< Events before this revision are not told.
    bool quiet = true;      ///< Nothing was told since the stream last looked.
    bool over = false;      ///< What it asked for is compacted: only its number is still taken.
  };
  struct Stream {
    std::shared_ptr<Reply> reply;
    std::map<std::int64_t, Watch> watches;
    Instant next_progress{};
    std::int64_t next_id = 0;
    bool answered = false;
  };

  using Streams = std::map<StreamId, Stream>;
  Streams::iterator drop(Streams::iterator stream);
  void send(Stream& stream, const std::string& message);
  void create(Stream& stream, const WatchCreation& creation, const std::string& refusal, const Source& source);
  void cancel(Stream& stream, std::int64_t watch, const Source& source);
  bool tell(Stream& stream, std::int64_t id, const std::vector<versions::VersionEvent>& events, const Source& source);
  void tell_history(Stream& stream, std::int64_t id, const Source& source);
  [[nodiscard]] bool is_slow(const Stream& stream) const { return stream.reply->backlog() >= backlog_limit_; }

  std::size_t backlog_limit_;
  Streams streams_;
  std::set<std::pair<Instant, StreamId>> progress_;  ///< Of each stream, when it is due.
  StreamId last_ = 0;
};

}  // namespace deimos::fake
