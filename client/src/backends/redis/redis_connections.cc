#include "backends/redis/redis_connections.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "backends/redis/redis_script.h"

namespace deimos {
namespace {

using Reason = RedisFailure::Reason;

std::vector<RedisCommand> login(const RedisCredentials& credentials) {
  if (credentials.password.empty()) return {};
  if (credentials.user.empty()) return {{"AUTH", credentials.password}};
  return {{"AUTH", credentials.user, credentials.password}};
}

RedisFailure at(const EndpointUrl& address, RedisFailure failure) {
  constexpr std::size_t scheme = 7;  // http://
  failure.message = address.text().substr(scheme) + ": " + failure.message;
  return failure;
}

/// Why a server with that answer to ROLE does not do.
std::optional<RedisFailure> problem_with_role(const RedisValue& role) {
  if (role.is_error()) return std::nullopt;  // Hidden from this user: the first write will tell.
  const std::string_view name = role.text_at(0);
  if (name == "master") return std::nullopt;
  if (name == "slave") return refusal_of("READONLY as ROLE says").failure;
  if (name == "sentinel")
    return RedisFailure{Reason::refused, Delivery::not_sent, "it is a sentinel: give it in `sentinels`"};
  return RedisFailure{Reason::refused, Delivery::not_sent, "its answer to ROLE is none of Redis"};
}

}  // namespace

RedisConnections::Loan::Loan(RedisConnections& owner, std::unique_ptr<RedisConnection> connection,
                             std::uint64_t generation, bool is_new, const Deadline& until)
    : owner_(owner), connection_(std::move(connection)), generation_(generation), is_new_(is_new) {
  connection_->begin(until.at);
  {
    const internal::LocalMutexLock lock(owner_.mutex_);
    owner_.lent_.push_back(connection_.get());
    if (owner_.closed_) connection_->abort(Reason::closed);
  }
  cancel_.emplace(until.stop, Abort{*connection_});
}

RedisConnections::Loan::~Loan() {
  cancel_.reset();
  connection_->unsubscribe();
  const bool is_fit = connection_->can_go_on();
  const internal::LocalMutexLock lock(owner_.mutex_);
  std::erase(owner_.lent_, connection_.get());
  const bool is_wanted = !owner_.closed_ && owner_.generation_ == generation_ &&
                         owner_.idle_.size() < owner_.plan_.options.max_idle_connections;
  if (is_fit && is_wanted) owner_.idle_.push_back(std::move(connection_));
}

RedisResult<std::unique_ptr<RedisConnections::Loan>> RedisConnections::borrow(const Deadline& until) {
  if (auto idle = borrow_idle(until)) return idle;
  return connect(until);
}

std::unique_ptr<RedisConnections::Loan> RedisConnections::borrow_idle(const Deadline& until) {
  for (;;) {
    std::unique_ptr<RedisConnection> connection;
    std::uint64_t generation = 0;
    {
      const internal::LocalMutexLock lock(mutex_);
      if (idle_.empty()) return nullptr;
      connection = std::move(idle_.back());  // The one that was used last.
      idle_.pop_back();
      generation = generation_;
    }
    if (connection->can_go_on()) {
      return std::make_unique<Loan>(*this, std::move(connection), generation, false, until);
    }
  }
}

std::vector<EndpointUrl> RedisConnections::in_order(const std::vector<EndpointUrl>& all, std::size_t first) const {
  std::vector<EndpointUrl> order = all;
  std::ranges::rotate(order, order.begin() + static_cast<std::ptrdiff_t>(first % order.size()));
  return order;
}

RedisResult<std::unique_ptr<RedisConnections::Loan>> RedisConnections::connect(const Deadline& until) {
  std::optional<EndpointUrl> master;
  std::uint64_t generation = 0;
  {
    const internal::LocalMutexLock lock(mutex_);
    if (closed_) return tl::unexpected(RedisFailure{Reason::closed, Delivery::not_sent, "the backend is closed"});
    master = master_;
    generation = generation_;
  }
  if (!master) return find_master(until);
  auto made = connect_to(*master, generation, until);
  const bool may_be_elsewhere =
      !made && (made.error().reason == Reason::unreachable || made.error().reason == Reason::timed_out);
  if (!may_be_elsewhere) return made;
  doubt_master();
  return find_master(until);
}

RedisResult<std::unique_ptr<RedisConnections::Loan>> RedisConnections::find_master(const Deadline& until) {
  std::uint64_t generation = 0;
  std::size_t first = 0;
  {
    const internal::LocalMutexLock lock(mutex_);
    generation = generation_;
    first = last_good_;
  }
  const bool by_sentinel = plan_.addresses.empty();
  const std::vector<EndpointUrl>& all = by_sentinel ? plan_.sentinels : plan_.addresses;
  std::optional<RedisFailure> why;
  std::vector<EndpointUrl> order = in_order(all, first);
  for (std::size_t i = 0; i < order.size(); ++i) {
    RedisResult<EndpointUrl> address = by_sentinel ? ask_sentinel(order[i], until) : order[i];
    auto made = address ? connect_to(*address, generation, until)
                        : RedisResult<std::unique_ptr<Loan>>(tl::unexpected(std::move(address.error())));
    if (made) {
      const internal::LocalMutexLock lock(mutex_);
      last_good_ = (first + i) % all.size();
      if (generation_ == generation) master_ = *address;
      return made;
    }
    RedisFailure& failure = made.error();
    if (!why) {
      why = std::move(failure);
    } else {
      // If one of them may come back, there is hope.
      if (failure.reason != Reason::refused) why->reason = failure.reason;
      why->message += "; " + failure.message;
    }
    if (why->reason == Reason::cancelled || why->reason == Reason::closed) break;
  }
  return tl::unexpected(std::move(*why));
}

RedisResult<std::unique_ptr<RedisConnections::Loan>> RedisConnections::connect_to(const EndpointUrl& address,
                                                                                  std::uint64_t generation,
                                                                                  const Deadline& until) {
  std::vector<RedisCommand> greeting = login(plan_.options.credentials);
  if (plan_.options.database != 0) greeting.push_back({"SELECT", std::to_string(plan_.options.database)});
  const std::size_t role = greeting.size();
  auto connection = std::make_unique<RedisConnection>(runtime_, address, plan_.options);
  auto loan = std::make_unique<Loan>(*this, std::move(connection), generation, true, until);
  // What is checked comes before what the server may refuse for it: a sentinel knows no scripts.
  std::vector<RedisCommand> first = greeting;
  first.push_back({"ROLE"});
  const auto answers = (*loan)->open(first);
  if (!answers) return tl::unexpected(at(address, answers.error()));
  const RedisValue& last = answers->back();
  const bool role_is_hidden = answers->size() == role + 1 && last.text.starts_with("NOPERM");
  if (last.is_error() && !role_is_hidden) return tl::unexpected(at(address, refusal_of(last.text).failure));
  if (auto problem = problem_with_role(last)) return tl::unexpected(at(address, std::move(*problem)));
  const RedisResult<RedisValue> hello = (*loan)->ask(redis_step("hello", "deimos:hello", {}, true));
  RedisFailure failure;
  if (hello && !hello->is_error()) return loan;
  failure = hello ? refusal_of(hello->text).failure : hello.error();
  failure.delivery = Delivery::not_sent;
  if (failure.reason == Reason::nonsense) failure.reason = Reason::refused;
  return tl::unexpected(at(address, std::move(failure)));
}

RedisResult<EndpointUrl> RedisConnections::ask_sentinel(const EndpointUrl& sentinel, const Deadline& until) {
  const std::string& name = plan_.options.sentinel_master;
  const auto refused = [&](Reason reason, std::string message) {
    return tl::unexpected(at(sentinel, {reason, Delivery::not_sent, std::move(message)}));
  };
  std::vector<RedisCommand> greeting = login(plan_.options.sentinel_credentials);
  greeting.push_back({"SENTINEL", "get-master-addr-by-name", name});
  // Not of any generation: it is not kept.
  const Loan loan(*this, std::make_unique<RedisConnection>(runtime_, sentinel, plan_.options), ~std::uint64_t{0}, true,
                  until);
  const auto answers = loan->open(greeting);
  if (!answers) return tl::unexpected(at(sentinel, answers.error()));
  const RedisValue& last = answers->back();
  if (last.is_error() && last.text.find("SENTINEL") != std::string::npos) {
    return refused(Reason::refused, "it is no sentinel: give a server itself in `addresses`");
  }
  if (last.is_error()) return tl::unexpected(at(sentinel, refusal_of(last.text).failure));
  if (last.kind == RedisValue::Kind::nil) {
    return refused(Reason::refused, "the sentinel knows no master `" + name + "`: see `sentinel_master`");
  }
  EndpointUrl master;
  master.host = last.text_at(0);
  const std::string_view port = last.text_at(1);
  const auto [end, problem] = std::from_chars(port.data(), port.data() + port.size(), master.port);
  if (problem != std::errc() || end != port.data() + port.size() || master.host.empty() || master.port == 0) {
    return refused(Reason::refused, "the sentinel's answer is no address");
  }
  return master;
}

void RedisConnections::doubt_master() {
  std::vector<std::unique_ptr<RedisConnection>> idle;
  const internal::LocalMutexLock lock(mutex_);
  ++generation_;
  master_.reset();
  idle_.swap(idle);
}

void RedisConnections::close() noexcept {
  std::vector<std::unique_ptr<RedisConnection>> idle;
  const internal::LocalMutexLock lock(mutex_);
  closed_ = true;
  for (RedisConnection* connection : lent_) connection->abort(Reason::closed);
  idle_.swap(idle);
}

}  // namespace deimos
