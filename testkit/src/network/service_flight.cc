#include <utility>

#include "network/services.h"
#include "network/shown_body.h"

namespace deimos::testkit {

ServiceFlight::ServiceFlight(Services& services, std::uint64_t id, SentCall sent, CallReceiver* receiver)
    : services_(services), id_(id), sent_(std::move(sent)), receiver_(receiver) {
  services_.scheduler.arm(*this, services_.scheduler.now() + services_.latency(sent_.path));
}

ServiceFlight::~ServiceFlight() { services_.scheduler.disarm(*this); }

void ServiceFlight::fire() { leg_ == Leg::to_server ? arrive_at_server() : arrive_at_caller(); }

void ServiceFlight::arrive_at_server() {
  const std::shared_ptr<Service::State> service = services_.find(sent_.call.service);
  if (service && sent_.to.empty()) {  // It has begun to be served meanwhile.
    sent_.to = service->process;
    sent_.path = services_.links.path(sent_.call.from, sent_.to);
  }
  if (sent_.path.cut()) {
    record_here("lost", "to", sent_.call.request);
    return services_.land(id_);
  }
  if (!service || service->process != sent_.to) return refuse("nobody serves it");
  if (service->handling.size() >= Service::most_calls) return refuse("too many calls at once");
  leg_ = Leg::at_server;
  record_there("serve", "from", sent_.call.request);
  services_.handle(service, id_, sent_.call);
}

/// It was handled by nobody; but if the network doubled it, the other may be.
void ServiceFlight::refuse(const std::string& why) {
  record_there("refused", "from", why);
  answer_ = fail(sent_.doubled ? errc::outcome_unknown : errc::unavailable,
                 "connection refused by " + sent_.call.service + ": " + why);
  send_back();
}

void ServiceFlight::answer(Result<std::string> answer) {
  answer_ = std::move(answer);
  record_there("reply", "to", shown_answer());
  send_back();
}

void ServiceFlight::broken() {
  record_there("broken", "to", sent_.call.request);
  answer_ = fail(errc::outcome_unknown, "connection broken by " + sent_.call.service);
  send_back();
}

void ServiceFlight::send_back() {
  const Path back = sent_.path.back();
  if (back.cut() || services_.random.chance(back.link->options.answer_loss)) {
    record_there("lost", "to", "the answer");
    return services_.land(id_);
  }
  leg_ = Leg::to_caller;
  services_.scheduler.arm(*this, services_.scheduler.now() + services_.latency(back));
}

void ServiceFlight::arrive_at_caller() {
  if (sent_.path.back().cut()) {
    record_there("lost", "to", "the answer");
  } else if (receiver_ != nullptr) {
    record_here("answer", "from", shown_answer());
    if (!answer_ && answer_.error().endpoint.empty()) answer_.error().endpoint = sent_.to;
    std::exchange(receiver_, nullptr)->receive(std::move(answer_));
  }
  services_.land(id_);
}

std::string ServiceFlight::shown_answer() const {
  return answer_ ? "ok " + *answer_ : "error: " + answer_.error().describe();
}

void ServiceFlight::record_there(std::string_view kind, std::string_view way, std::string_view detail) {
  services_.scheduler.history().record(services_.scheduler.elapsed(), kind,
                                       sent_.to.empty() ? sent_.call.service : sent_.to,
                                       sent_.line(way, sent_.call.from, detail));
}

void ServiceFlight::record_here(std::string_view kind, std::string_view way, std::string_view detail) {
  services_.scheduler.history().record(services_.scheduler.elapsed(), kind, sent_.call.from,
                                       sent_.line(way, sent_.to, detail));
}

std::string SentCall::line(std::string_view way, const std::string& other, std::string_view detail) const {
  std::string text = number + " ";
  text.append(way).append(" ").append(other.empty() ? call.service : other);
  if (!to.empty() && to != call.service) text.append(", ").append(call.service);
  append_shown(text.append(": "), detail);
  return text;
}

}  // namespace deimos::testkit
