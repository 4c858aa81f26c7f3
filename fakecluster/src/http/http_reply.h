// The Reply behind one HTTP request: the node puts the answer in from any thread, the connection takes it out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <deimos/fake/request_handler.h>

#include <deimos/internal/descriptor.h>
#include <deimos/internal/local_mutex.h>

namespace deimos::fake {

class HttpReply final : public Reply {
 public:
  /// What was added since the last look.
  struct News {
    std::optional<Response> head;
    bool open = false;  ///< With the head: the body comes in parts.
    std::string parts;
    bool ended = false;
    bool broken = false;  ///< As `ended`, but the connection is to be reset where the answer stands.
  };

  explicit HttpReply(std::size_t unsent_bytes) : unsent_bytes_(unsent_bytes) {}

  void answer(Response response, bool open) override;
  void chunk(std::string_view text) override;
  void end() override;
  void broken(Delivery delivery) override;
  /// Out of all bounds if the parts come to more bytes than allowed.
  [[nodiscard]] std::size_t backlog() const override;

  News take();
  /// A descriptor that is readable once there is something to take. Made when it is first asked for: most answers are
  /// complete at once. Throws std::system_error if the process has no descriptor left.
  [[nodiscard]] int descriptor();

 private:
  void wake() DEIMOS_REQUIRES(mutex_);

  const std::size_t unsent_bytes_;
  mutable internal::LocalMutex mutex_;
  News news_ DEIMOS_GUARDED_BY(mutex_);
  std::size_t part_count_ DEIMOS_GUARDED_BY(mutex_) = 0;  // Of the news.
  internal::Descriptor event_ DEIMOS_GUARDED_BY(mutex_);
};

}  // namespace deimos::fake
