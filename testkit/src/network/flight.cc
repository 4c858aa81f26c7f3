#include "network/flight.h"

#include <utility>

#include "network/shown_body.h"

namespace deimos::testkit {
namespace {

void append_body(std::string& text, const std::string& body) {
  if (!body.empty()) append_shown(text += "  ", body);
}

}  // namespace

FlightPool::~FlightPool() = default;

Flight* FlightPool::send(Link& link, const std::string& process, const Request& request, Receiver* receiver) {
  const bool lost = link.requests_cut || random.chance(link.options.request_loss);
  const bool duplicated = random.chance(link.options.duplication);
  if (duplicated && !lost) {
    Flight& copy = *take();
    copy.own_request_ = request;
    start(link, process, copy.own_request_, nullptr, copy);
  }
  if (lost) {
    scheduler.history().record(scheduler.elapsed(), "lost", process, text.assign("request ").append(request.target));
    return nullptr;
  }
  Flight& flight = *take();
  start(link, process, request, receiver, flight);
  return &flight;
}

Duration FlightPool::latency(const Link& link) {
  return random.between(link.options.latency_min, link.options.latency_max);
}

void FlightPool::start(Link& link, const std::string& process, const Request& request, Receiver* receiver,
                       Flight& flight) {
  flight.leg_ = Flight::Leg::to_node;
  flight.link_ = &link;
  flight.process_ = &process;
  flight.request_ = &request;
  flight.receiver_ = receiver;
  scheduler.arm(flight, scheduler.now() + latency(link));
}

std::shared_ptr<Flight> FlightPool::take() {
  // The node may still hold the last one that ended, while it answers.
  for (std::size_t i = idle_.size(); i > 0 && i + 2 > idle_.size(); --i) {
    Flight* const flight = idle_[i - 1];
    std::shared_ptr<Flight> shared = flight->shared_from_this();
    if (shared.use_count() > 2) continue;
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i - 1));
    return shared;
  }
  return all_.emplace_back(std::make_shared<Flight>(*this));
}

Flight::~Flight() { pool_.scheduler.disarm(*this); }

void Flight::forsake() {
  receiver_ = nullptr;
  if (leg_ == Leg::to_process) {
    pool_.scheduler.disarm(*this);
    if (ended_early_) give_up_rest();
    return finish();
  }
  if (leg_ == Leg::at_node && !link_->requests_cut) {
    pool_.cluster.abandon(std::exchange(ticket_, 0));
    return finish();
  }
  own_request_ = *request_;
  request_ = &own_request_;
}

void Flight::fire() { leg_ == Leg::to_node ? arrive_at_node() : arrive_at_process(); }

void Flight::arrive_at_node() {
  if (link_->requests_cut) {
    record("lost", "request ");
    return finish();
  }
  if (link_->refuses()) {
    record("reset", "");
    hand_over(tl::make_unexpected(
        Failure{Failure::Reason::broken, Delivery::unknown, "connection reset by " + link_->node->name}));
    return finish();
  }
  record("request", "");
  leg_ = Leg::at_node;
  origin_.client = *process_;
  origin_.request = ++pool_.delivered;
  const fake::Cluster::Ticket ticket = pool_.cluster.handle(link_->node->id, origin_, *request_, shared_from_this());
  if (leg_ == Leg::at_node || ended_early_) ticket_ = ticket;
}

void Flight::answer(Response response, bool open) {
  answer_ = std::move(response);
  if (!open) return send_back();
  // Not drawn, so that a poll takes no chance from what comes after it.
  if (!link_->answers_cut) head_arrives_ = saturating_add(pool_.scheduler.now(), link_->options.latency_max);
}

void Flight::chunk(std::string_view text) {
  if (leg_ != Leg::at_node) return;  // After what was enough.
  answer_->body.append(text);
  if (!request_->enough || !request_->enough(answer_->body)) return;
  ended_early_ = true;
  const fake::Cluster::Ticket ticket = ticket_;
  send_back();
  if (leg_ == Leg::to_process) ticket_ = ticket;  // Until the node can be told: not while it speaks.
}

void Flight::give_up_rest() {
  ended_early_ = false;
  if (ticket_ != 0 && !link_->requests_cut) pool_.cluster.abandon(ticket_);
  ticket_ = 0;
}

void Flight::end() {
  if (leg_ == Leg::at_node) send_back();
}

void Flight::broken(Delivery delivery) {
  const bool refused = delivery == Delivery::not_sent;
  answer_ =
      tl::make_unexpected(Failure{refused ? Failure::Reason::refused : Failure::Reason::broken, delivery,
                                  (refused ? "connection refused by " : "connection broken by ") + link_->node->name});
  end();
}

void Flight::send_back() {
  ticket_ = 0;
  if (link_->answers_cut || pool_.random.chance(link_->options.answer_loss)) {
    record("lost", "answer to ");
    return finish();
  }
  leg_ = Leg::to_process;
  pool_.scheduler.arm(*this, pool_.scheduler.now() + pool_.latency(*link_));
}

void Flight::arrive_at_process() {
  if (ended_early_) give_up_rest();
  if (link_->answers_cut) {
    record("lost", "answer to ");
  } else if (receiver_ != nullptr) {
    std::string& text = pool_.text.assign(link_->node->name).append(" ");
    if (answer_) {
      text.append(std::to_string(answer_->status));
      append_body(text, answer_->body);
    } else {
      text.append(answer_.error().message);
    }
    pool_.scheduler.history().record(pool_.scheduler.elapsed(), "answer", *process_, text);
    hand_over(std::move(answer_));
  }
  finish();
}

void Flight::hand_over(Exchange exchange) {
  if (receiver_ != nullptr) std::exchange(receiver_, nullptr)->receive(std::move(exchange));
}

void Flight::finish() {
  if (receiver_ != nullptr) std::exchange(receiver_, nullptr)->lost();
  leg_ = Leg::idle;
  request_ = nullptr;
  answer_ = Response();
  head_arrives_ = TimePoint::max();
  ended_early_ = false;
  pool_.idle_.push_back(this);
}

void Flight::record(std::string_view kind, std::string_view detail) {
  std::string& text = pool_.text.assign(detail);
  text.append(link_->node->name).append(" ").append(request_->method).append(" ").append(request_->target);
  append_body(text, request_->body);
  pool_.scheduler.history().record(pool_.scheduler.elapsed(), kind, *process_, text);
}

}  // namespace deimos::testkit
