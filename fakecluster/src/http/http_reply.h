// The Reply behind one HTTP request: the node puts the answer in from any thread, the connection takes it out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <deimos/fake/request_handler.h>

#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

class HttpReply final : public Reply {
 public:
  /// What was added since the last look.
  struct News {
    std::optional<Response> head;
    bool open = false;  ///< With the head: the body comes in parts.
    std::vector<std::shared_ptr<const std::string>> parts;
    bool ended = false;
    bool broken = false;  ///< As `ended`, but the connection is to be reset where the answer stands.
  };

  /// `on_news` is called, from whichever thread brings news, for the first that comes after a take(). It must be quick,
  /// and must not call the reply.
  HttpReply(std::size_t unsent_bytes, std::function<void()> on_news, std::uint64_t connection = 0)
      : unsent_bytes_(unsent_bytes), connection_(connection), on_news_(std::move(on_news)) {}

  void answer(Response response, bool open) override;
  void chunk(std::string_view text) override;
  void shared_chunk(const std::shared_ptr<const std::string>& text) override;
  void end() override;
  void broken(Delivery delivery) override;
  /// Out of all bounds if the parts come to more bytes than allowed.
  [[nodiscard]] std::size_t backlog() const override;
  [[nodiscard]] std::uint64_t connection() const override { return connection_; }

  News take();
  /// Nobody takes any more: `on_news` is not called again once this has returned.
  void detach();

 private:
  void tell() DEIMOS_REQUIRES(mutex_);

  const std::size_t unsent_bytes_;
  const std::uint64_t connection_;
  mutable internal::LocalMutex mutex_;
  News news_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t part_bytes_ DEIMOS_GUARDED_BY(mutex_) = 0;  // Of the news.
  std::function<void()> on_news_ DEIMOS_GUARDED_BY(mutex_);
  bool awaited_ DEIMOS_GUARDED_BY(mutex_) = false;  // By who took what there was.
};

}  // namespace deimos::fake
