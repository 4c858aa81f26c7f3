#include "faults/intercepted_request.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace deimos::fake {

InterceptedRequest::InterceptedRequest(InterceptionHost& host, std::uint64_t its_id, NodeId its_node, Origin its_origin,
                                       Request its_request, std::shared_ptr<Reply> client, RuleAction action)
    : id(its_id),
      node(its_node),
      origin(std::move(its_origin)),
      request(std::move(its_request)),
      host_(host),
      client_(std::move(client)),
      action_(std::move(action)),
      node_done_(std::holds_alternative<DropRequest>(action_)) {
  if (const auto* delay = std::get_if<Delay>(&action_); delay != nullptr && delay->answer) {
    delay_ = host_.interception_random().between(delay->least, delay->most);
  }
}

template <typename Call>
void InterceptedRequest::pass_on(Call call) {
  if (delay_.count() == 0) return call(*this);
  host_.call_after(delay_, [self = shared_from_this(), call = std::move(call)]() mutable { call(*self); });
}

void InterceptedRequest::answer(Response response, bool open) {
  pass_on([response = std::move(response), open](InterceptedRequest& intercepted) mutable {
    intercepted.pass_answer(std::move(response), open);
  });
}

void InterceptedRequest::chunk(std::string_view text) {
  pass_on(
      [text = std::string(text)](InterceptedRequest& intercepted) mutable { intercepted.pass_chunk(std::move(text)); });
}

void InterceptedRequest::end() {
  pass_on([](InterceptedRequest& intercepted) { intercepted.pass_end(); });
}

void InterceptedRequest::broken(Delivery delivery) {
  if (client_) std::exchange(client_, nullptr)->broken(delivery);
  node_is_done();
}

std::size_t InterceptedRequest::backlog() const { return client_ ? client_->backlog() : 0; }

void InterceptedRequest::pass_answer(Response response, bool open) {
  const auto* truncate = std::get_if<TruncateBody>(&action_);
  if (const auto* reset = std::get_if<ResetAfter>(&action_)) {
    if (reset->bytes == 0) {
      cut();
    } else if (client_) {
      // Announced as a body in parts, whatever it was: so that it can break off on any transport.
      std::string body = std::exchange(response.body, {});
      client_->answer(std::move(response), true);
      if (!open) pass_chunk(std::move(body));
      if (!open) cut();
    }
  } else if (client_ && !std::holds_alternative<DropAnswer>(action_)) {
    if (truncate != nullptr) response.body.resize(std::min(response.body.size(), truncate->bytes));
    if (std::holds_alternative<CorruptBody>(action_)) corrupt(response.body);
    const bool goes_on = open && (truncate == nullptr || truncate->bytes != 0);
    client_->answer(std::move(response), goes_on);
    if (!goes_on) client_ = nullptr;
  }
  if (!open) node_is_done();
}

void InterceptedRequest::pass_chunk(std::string text) {
  if (!client_ || std::holds_alternative<DropAnswer>(action_)) return;
  if (std::holds_alternative<CorruptBody>(action_)) corrupt(text);
  std::size_t limit = std::string::npos;
  if (const auto* reset = std::get_if<ResetAfter>(&action_)) limit = reset->bytes;
  if (const auto* truncate = std::get_if<TruncateBody>(&action_)) limit = truncate->bytes;
  text.resize(std::min(text.size(), limit - passed_));
  passed_ += text.size();
  client_->chunk(text);
  if (passed_ != limit) return;
  if (std::holds_alternative<ResetAfter>(action_)) return cut();
  std::exchange(client_, nullptr)->end();
}

void InterceptedRequest::pass_end() {
  if (std::holds_alternative<ResetAfter>(action_)) {
    cut();
  } else if (client_ && !std::holds_alternative<DropAnswer>(action_)) {
    std::exchange(client_, nullptr)->end();
  }
  node_is_done();
}

void InterceptedRequest::cut() {
  if (client_) std::exchange(client_, nullptr)->broken(Delivery::unknown);
}

/// Other letters in place of some, but for the last: so a line stays a line.
void InterceptedRequest::corrupt(std::string& text) {
  if (text.empty()) return;
  internal::RandomStream& random = host_.interception_random();
  for (std::size_t count = text.size() / 16 + 1; count > 0; --count) {
    char& byte = text[random.below(text.size() > 1 ? text.size() - 1 : 1)];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1 + random.below(255)));
  }
}

void InterceptedRequest::abandon() {
  client_ = nullptr;
  end_if_done();
}

void InterceptedRequest::node_is_done() {
  node_done_ = true;
  end_if_done();
}

void InterceptedRequest::end_if_done() {
  if (!client_ && node_done_) host_.interception_ended(id);
}

}  // namespace deimos::fake
