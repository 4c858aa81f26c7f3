// A request whose way between client and node is not straight: a rule says so, or its node is paused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <deimos/fake/request_handler.h>
#include <deimos/fake/rule.h>

#include <deimos/internal/random_stream.h>

namespace deimos::fake {

/// What an intercepted request needs of the cluster that it is in.
class InterceptionHost {
 public:
  virtual void call_after(std::chrono::nanoseconds delay, std::function<void()> call) = 0;
  virtual internal::RandomStream& interception_random() = 0;
  /// Neither client nor node has anything more to say.
  virtual void interception_ended(std::uint64_t intercepted) = 0;

 protected:
  ~InterceptionHost() = default;
};

/// The Reply that the node sees: passes on to the client's Reply what the action lets through. What it does to the
/// request is the cluster's business.
class InterceptedRequest final : public Reply, public std::enable_shared_from_this<InterceptedRequest> {
 public:
  InterceptedRequest(InterceptionHost& host, std::uint64_t id, NodeId node, Origin origin, Request request,
                     std::shared_ptr<Reply> client, RuleAction action);

  void answer(Response response, bool open) override;
  void chunk(std::string_view text) override;
  void end() override;
  void broken(Delivery delivery) override;
  [[nodiscard]] std::size_t backlog() const override;

  /// The client went away.
  void abandon();

  const std::uint64_t id;
  const NodeId node;
  const Origin origin;
  const Request request;
  RequestHandler::Ticket ticket = 0;  ///< At the node, once it came there and was not answered at once.
  bool delivered = false;             ///< Has come to the node.

 private:
  void pass_answer(Response response, bool open);
  void pass_chunk(std::string text);
  void pass_end();
  void cut();
  void corrupt(std::string& text);
  void node_is_done();
  void end_if_done();
  /// Now, or after the delay that the action asks for.
  template <typename Call>
  void pass_on(Call call);

  InterceptionHost& host_;
  std::shared_ptr<Reply> client_;  // Null once it has all it gets.
  const RuleAction action_;
  bool node_done_;                    // Nothing more comes from there.
  std::chrono::nanoseconds delay_{};  // Of the answer.
  std::size_t passed_ = 0;            // Bytes of the body.
};

}  // namespace deimos::fake
