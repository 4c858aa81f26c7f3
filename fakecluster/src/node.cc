#include <deimos/fake/node.h>

#include <mutex>
#include <stdexcept>
#include <utility>
#include <variant>

#include <deimos/fake/store.h>

#include "answer_writer.h"
#include "keys_request.h"
#include "member_record.h"
#include "open_watches.h"
#include "percent.h"
#include "target.h"

namespace deimos::fake {
namespace {

constexpr std::string_view keys_methods = "GET,PUT,POST,DELETE";
constexpr std::string_view machines_methods = "GET,HEAD";

NodeOptions checked(NodeOptions options) {
  if (options.sweep_interval.count() <= 0) throw std::invalid_argument("sweep_interval must be positive");
  if (options.watch_timeout.count() <= 0) throw std::invalid_argument("watch_timeout must be positive");
  return options;
}

/// `instant + by`, or Instant::max() if that is beyond what it can hold.
Instant later(Instant instant, std::chrono::nanoseconds by) noexcept {
  return instant > Instant::max() - by ? Instant::max() : instant + by;
}

/// Collects an answer for whoever will not wait.
class Collector final : public Reply {
 public:
  void answer(Response response, bool /*open*/) override { response_ = std::move(response); }
  void part(std::string_view text) override { response_.body += text; }
  void end() override {}
  Response take() { return std::move(response_); }

 private:
  Response response_;
};

}  // namespace

struct Node::Impl {
  explicit Impl(NodeOptions given)
      : options(checked(std::move(given))),
        clock(options.clock ? options.clock : &own_clock),
        store(options.history_capacity),
        watches(options.watch_backlog),
        next_sweep(later(clock->now(), options.sweep_interval)) {
    for (Command& command : member_record(options)) {
      store.apply(std::move(command), clock->now(), watches);
      ++raft_index;
    }
  }

  Ticket handle(const Request& request, const std::shared_ptr<Reply>& reply);
  Response answer_elsewhere(const Request& request, Target& target) const;
  Response look_up(const Lookup& lookup, Instant now);
  Response write(Command command, Instant now);
  Ticket watch(Watch watch, const std::shared_ptr<Reply>& reply);
  AnswerIndices indices() const noexcept { return {store.index(), raft_index, raft_term}; }

  void sweep(Instant now);
  void run_due(Instant now);
  Instant next_effect() const noexcept;

  const NodeOptions options;
  ManualClock own_clock;
  const Clock* const clock;
  mutable std::mutex mutex;
  Store store;
  OpenWatches watches;
  Instant next_sweep;
  // What a single real node's log holds before its first request: the configuration change that made it a member.
  std::uint64_t raft_index = 1;
  std::uint64_t raft_term = 1;
  std::uint64_t requests = 0;
  bool closed = false;
};

Node::Ticket Node::Impl::handle(const Request& request, const std::shared_ptr<Reply>& reply) {
  ++requests;
  if (closed) {
    reply->answer(plain_answer(503, "Service Unavailable\n"), false);
    return 0;
  }
  if (request.target.size() > options.target_limit) {
    reply->answer(plain_answer(414, "URI Too Long\n"), false);
    return 0;
  }
  Target target = Target::parse(request.target);
  const bool keys_method =
      request.method == "GET" || request.method == "PUT" || request.method == "POST" || request.method == "DELETE";
  if (target.kind != Target::Kind::keys || !keys_method) {
    reply->answer(answer_elsewhere(request, target), false);
    return 0;
  }
  const Instant now = clock->now();
  auto parsed = parse_keys_request(request, std::move(target), now, options.form_limit);
  if (!parsed) {
    reply->answer(error_answer(parsed.error().code, parsed.error().cause, 0, false), false);
  } else if (auto* command = std::get_if<Command>(&*parsed)) {
    reply->answer(write(std::move(*command), now), false);
  } else if (const auto* lookup = std::get_if<Lookup>(&*parsed)) {
    reply->answer(look_up(*lookup, now), false);
  } else {
    return watch(std::get<Watch>(*std::move(parsed)), reply);
  }
  return 0;
}

/// Everything but the keys themselves.
Response Node::Impl::answer_elsewhere(const Request& request, Target& target) const {
  const bool head = request.method == "HEAD";
  Response response = plain_answer(404, "404 page not found\n");
  if (request.method == "OPTIONS") {
    response = {200, {}, {}};
  } else if (target.kind == Target::Kind::malformed) {
    response = plain_answer(400, "400 Bad Request");
  } else if (target.kind == Target::Kind::unclean) {
    std::string location = percent_encode_path(target.path);
    if (!target.query.empty()) location.append(1, '?').append(target.query);
    response = redirect(std::move(location), request.method);
  } else if (target.kind == Target::Kind::keys) {
    response = method_not_allowed(keys_methods);
  } else if (target.kind == Target::Kind::machines) {
    const bool allowed = head || request.method == "GET";
    response = allowed ? plain_answer(200, options.client_url) : method_not_allowed(machines_methods);
  }
  if (head) response.body.clear();
  return response;
}

Response Node::Impl::look_up(const Lookup& lookup, Instant now) {
  ++raft_index;
  const auto listing = store.get(lookup.key, lookup.recursive, lookup.sorted);
  if (!listing) return error_answer(listing.error().code, listing.error().cause, listing.error().index, true);
  return listing_answer(lookup.key, *listing, now, indices());
}

Response Node::Impl::write(Command command, Instant now) {
  ++raft_index;
  const auto event = store.apply(std::move(command), now, watches);
  if (!event) return error_answer(event.error().code, event.error().cause, event.error().index, true);
  return event_answer(**event, indices());
}

Node::Ticket Node::Impl::watch(Watch watch, const std::shared_ptr<Reply>& reply) {
  if (watch.since == 0) watch.since = store.index() + 1;
  auto event = store.past(watch);
  if (!event) {
    reply->answer(error_answer(event.error().code, event.error().cause, event.error().index, true), false);
    return 0;
  }
  reply->answer(watch_answer(indices()), true);
  for (; *event != nullptr; event = store.past(watch)) {
    const bool slow = reply->backlog() >= options.watch_backlog;
    if (!slow) reply->part(event_text(**event));
    if (slow || !watch.stream) {
      reply->end();
      return 0;
    }
    watch.since = (*event)->index + 1;
  }
  const bool stream = watch.stream;
  const WatcherId watcher = store.watch(std::move(watch));
  watches.add(watcher, reply, stream, later(clock->now(), options.watch_timeout));
  return watcher;
}

void Node::Impl::sweep(Instant now) {
  if (store.next_expiration() > now) return;
  ++raft_index;
  Command command;
  command.kind = Command::Kind::sweep;
  command.sweep_until = now;
  store.apply(std::move(command), now, watches);
}

void Node::Impl::run_due(Instant now) {
  if (next_sweep <= now) {
    sweep(now);
    // The next one on the grid, however many were missed.
    next_sweep = later(next_sweep + (now - next_sweep) / options.sweep_interval * options.sweep_interval,
                       options.sweep_interval);
  }
  for (auto [deadline, watcher] = watches.first_deadline(); watcher != 0 && deadline <= now;
       std::tie(deadline, watcher) = watches.first_deadline()) {
    store.unwatch(watcher);
    watches.end(watcher);
  }
}

/// When the next sweep that expires something, or the next watch timeout, is due.
Instant Node::Impl::next_effect() const noexcept {
  Instant sweep_due = Instant::max();
  if (const Instant expiration = store.next_expiration(); expiration <= next_sweep) {
    sweep_due = next_sweep;
  } else if (expiration != Instant::max()) {
    const auto intervals = (expiration - next_sweep - std::chrono::nanoseconds(1)) / options.sweep_interval + 1;
    const auto room = (Instant::max() - next_sweep) / options.sweep_interval;
    if (intervals <= room) sweep_due = next_sweep + intervals * options.sweep_interval;
  }
  return std::min(sweep_due, watches.first_deadline().first);
}

Node::Node(NodeOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Node::~Node() { close(); }

Node::Ticket Node::handle(const Request& request, std::shared_ptr<Reply> reply) {
  const std::lock_guard lock(impl_->mutex);
  return impl_->handle(request, reply);
}

Response Node::handle(const Request& request) {
  const auto collector = std::make_shared<Collector>();
  if (const Ticket ticket = handle(request, collector); ticket != 0) abandon(ticket);
  return collector->take();
}

void Node::abandon(Ticket ticket) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->watches.remove(ticket)) impl_->store.unwatch(ticket);
}

void Node::advance(std::chrono::nanoseconds by) {
  const std::lock_guard lock(impl_->mutex);
  Impl& node = *impl_;
  if (node.options.clock != nullptr) throw std::logic_error("advance() needs a node with a clock of its own");
  const Instant now = node.own_clock.now();
  if (by.count() < 0 || by > Instant::max() - now) throw std::invalid_argument("the clock cannot move by so much");
  const Instant target = now + by;
  for (Instant due = node.next_effect(); due <= target; due = node.next_effect()) {
    node.own_clock.set(std::max(due, node.own_clock.now()));
    node.run_due(node.own_clock.now());
    if (due == Instant::max()) break;
  }
  node.own_clock.set(target);
  node.run_due(target);
}

void Node::run_due() {
  const std::lock_guard lock(impl_->mutex);
  impl_->run_due(impl_->clock->now());
}

Instant Node::next_due() const {
  const std::lock_guard lock(impl_->mutex);
  return std::min(impl_->next_sweep, impl_->watches.first_deadline().first);
}

Instant Node::now() const { return impl_->clock->now(); }

void Node::close() {
  const std::lock_guard lock(impl_->mutex);
  impl_->closed = true;
  impl_->store.forget_watchers();
  impl_->watches.end_all();
}

NodeStatistics Node::statistics() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->store.index(), impl_->store.size(), impl_->store.watchers(), impl_->requests};
}

}  // namespace deimos::fake
