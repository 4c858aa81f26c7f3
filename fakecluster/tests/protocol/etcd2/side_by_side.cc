#include "protocol/etcd2/side_by_side.h"

#include <thread>

#include "protocol/etcd2/comparison.h"

namespace deimos::fake {

SideBySide::SideBySide()
    : node_({.member = {Etcd2Server::name(), etcd_.url(), etcd_.peer_url()}, .dialect = Dialect::etcd2}),
      start_(std::chrono::steady_clock::now()),
      client_(std::make_unique<RawClient>(etcd_.port())) {}

std::string SideBySide::take(const Step& step) {
  std::string found;
  if (step.verb == "SLEEP") {
    // Etcd's clock is the machine's.
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(step.target)));  // NOLINT(sleep)
    move_clock();
  } else if (step.verb == "LEAVE") {
    if (watches_.empty()) return found;
    node_.abandon(watches_.front().ticket);
    watches_.pop_front();
  } else {
    found = step.verb == "WATCH" ? start_watch(step) : ask(step);
  }
  return found + compare_watches();
}

void SideBySide::move_clock() {
  node_.advance(ManualClock::epoch + (std::chrono::steady_clock::now() - start_) - node_.now());
}

void SideBySide::count(const Response& response) {
  ++(response.status < 300 ? successes_ : refusals_);
  last_ = response;
}

std::string SideBySide::ask(const Step& step) {
  move_clock();
  const Request request = step.request();
  client_->send(text_of(request));
  const Response real = client_->answer(step.verb == "HEAD");
  const Response fake = node_.handle(request);
  count(fake);
  const std::string found = difference(step, real, fake);
  const std::string_view reason = reason_to_differ(step);
  if (reason.empty()) return found;
  return found.empty() ? "; no difference, although " + std::string(reason) : "";
}

std::string SideBySide::start_watch(const Step& step) {
  move_clock();
  const Request request = step.request();
  OpenWatch watch{step, std::make_unique<RawClient>(etcd_.port()), std::make_shared<RecordedReply>()};
  watch.real->send(text_of(request));
  Response real = watch.real->head();  // Sent once etcd has the watch.
  watch.ticket = node_.handle(request, watch.fake);
  Response fake = watch.fake->response;
  const bool is_watch = !watch.fake->parts.empty() || watch.fake->open || watch.fake->ends > 0;
  if (is_watch) {
    fake.body.clear();
  } else {
    watch.real->body(real);
  }
  count(fake);
  const std::string found = difference(step, real, fake);
  if (is_watch) watches_.push_back(std::move(watch));
  return found;
}

std::string SideBySide::compare_events(OpenWatch& watch) {
  std::string found;
  for (; watch.compared < watch.fake->parts.size(); ++watch.compared) {
    const std::string& part = watch.fake->parts[watch.compared];
    try {
      const std::string event = watch.real->chunk();
      ++events_;
      if (event.empty()) return found.append("; etcd ends the body, the fake sends ").append(part);
      if (const auto of_event = difference(event, part); !of_event.empty()) found += "; " + of_event;
    } catch (const std::runtime_error&) {
      watch.fake->open = false;  // Enough of it.
      return found.append("; etcd does not send ").append(part);
    }
  }
  if (!watch.fake->open && watch.real->chunk().empty()) return found;
  if (!watch.fake->open) return found + "; the fake ends the body, etcd does not";
  return watch.real->is_silent() ? found : found + "; etcd sends " + watch.real->chunk() + ", the fake nothing";
}

std::string SideBySide::compare_watches() {
  std::string all;
  std::erase_if(watches_, [&](OpenWatch& watch) {
    if (const std::string found = compare_events(watch); !found.empty()) {
      all += "; of the watch " + watch.step.text() + found;
    }
    return !watch.fake->open;
  });
  return all;
}

}  // namespace deimos::fake
