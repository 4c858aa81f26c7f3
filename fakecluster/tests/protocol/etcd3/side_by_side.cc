#include "protocol/etcd3/side_by_side.h"

#include <stdexcept>
#include <thread>

#include "protocol/etcd3/comparison.h"

namespace deimos::fake::etcd3 {
namespace {

std::uint16_t port_of(const EtcdServer& etcd) { return static_cast<std::uint16_t>(etcd.port()); }

}  // namespace

SideBySide::StartedEtcd::StartedEtcd() {
  start();
  if (!wait_until_ready()) throw std::runtime_error("an etcd does not start");
}

SideBySide::SideBySide()
    : node_({.member = {"one", etcd_.url(), etcd_.peer_url()}, .dialect = Dialect::etcd3}),
      start_(std::chrono::steady_clock::now()),
      client_(std::make_unique<RawClient>(port_of(etcd_))) {}

std::string SideBySide::take(const Step& step) {
  std::string found;
  if (step.verb == "/kv/compaction") std::this_thread::sleep_until(synced_);  // NOLINT(sleep)
  if (step.verb == "SLEEP") {
    // Etcd's clock is the machine's.
    std::this_thread::sleep_for(std::chrono::milliseconds(std::stoi(step.body)));  // NOLINT(sleep)
    move_clock();
  } else if (step.verb == "LEAVE") {
    if (streams_.empty()) return found;
    node_.abandon(streams_.front().ticket);
    streams_.pop_front();
  } else {
    found = step.verb == "WATCH" ? open_stream(step) : ask(step);
  }
  return found + compare_streams();
}

void SideBySide::move_clock() {
  node_.advance(ManualClock::epoch + (std::chrono::steady_clock::now() - start_) - node_.now());
}

std::string SideBySide::ask(const Step& step) {
  move_clock();
  const Request request = step.request();
  client_->send(text_of(request));
  const Response real = client_->answer();
  const Response fake = node_.handle(request);
  ++(fake.status < 300 ? successes_ : refusals_);
  const std::string found = difference(step, real, fake);
  const std::string_view reason = reason_to_differ(step);
  if (reason.empty()) return found;
  return found.empty() ? "; no difference, although " + std::string(reason) : "";
}

std::string SideBySide::open_stream(const Step& step) {
  move_clock();
  const Request request = step.request();
  OpenStream stream{step, std::make_unique<RawClient>(port_of(etcd_)), std::make_shared<RecordedReply>()};
  stream.real->send(text_of(request));
  synced_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(300);
  stream.ticket = node_.handle(request, stream.fake);
  ++(stream.fake->response.status < 300 ? successes_ : refusals_);
  if (!stream.fake->answered) return {};  // Nor does etcd begin an answer: compare_streams() will see.
  Response fake = stream.fake->response;
  Response real = stream.real->head();
  const bool is_stream = stream.fake->open;
  if (is_stream) {
    fake.body.clear();
  } else {
    stream.real->body(real);
  }
  const std::string found = difference(step, real, fake);
  if (is_stream) streams_.push_back(std::move(stream));
  return found;
}

std::string SideBySide::OpenStream::message() {
  std::size_t end = received.find('\n');
  for (; end == std::string::npos; end = received.find('\n')) received += real->chunk();
  std::string line = received.substr(0, end + 1);
  received.erase(0, end + 1);
  return line;
}

std::string SideBySide::compare_messages(OpenStream& stream) {
  std::string real;
  std::string fake;
  for (; stream.compared < stream.fake->parts.size(); ++stream.compared) {
    const std::string& part = stream.fake->parts[stream.compared];
    try {
      ++messages_;
      real += stream.message();
      fake += part;
    } catch (const std::runtime_error&) {
      stream.fake->open = false;  // Enough of it.
      return "; etcd does not send " + part;
    }
  }
  std::string found = difference(real, fake);
  if (!found.empty()) found.insert(0, "; ");
  if (stream.received.empty() && stream.real->is_silent()) return found;
  stream.fake->open = false;
  return found + "; etcd sends " + stream.message() + ", the fake nothing";
}

std::string SideBySide::compare_streams() {
  std::string all;
  std::erase_if(streams_, [&](OpenStream& stream) {
    if (const std::string found = compare_messages(stream); !found.empty()) {
      all += "; of " + stream.step.text() + found;
    }
    return !stream.fake->open;
  });
  return all;
}

}  // namespace deimos::fake::etcd3
