// One call: which endpoint to ask, how long, and whether to ask again.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <deimos/client_options.h>
#include <deimos/error.h>
#include <deimos/observer.h>
#include <deimos/runtime.h>
#include <deimos/transport.h>

#include "calls/backoff.h"
#include "calls/endpoint_set.h"
#include "calls/health_check.h"
#include "wire/store_dialect.h"

namespace deimos {

/// Something to ask the store.
struct Call {
  enum class Kind {
    read,   ///< Asked again until there is an answer.
    write,  ///< Never sent again once it may have been acted on.
    poll,   ///< A long poll: asked again only if it could not be sent.
  };
  Kind kind = Kind::read;
  std::string key;  ///< Normalised; for messages, and to tell whose answer it is.
  Request request;
  std::optional<std::string> value = {};  ///< That a write sets, and its answer shows.
  std::optional<Duration> timeout = {};   ///< None: the client's, for this kind.
  EndpointWish wish = {};
  int max_attempts = 0;  ///< 0: as RetryPolicy says.
};

/// What it came to.
struct Answered {
  Response response;  ///< With a status below 500, and not 429.
  std::string endpoint;
  int attempts = 1;
  bool timed_out = false;  ///< A poll ended at its deadline; there is no response.
};

/// What a Caller must know of the store that it asks.
struct StoreManners {
  /// A request that an endpoint answers with a status below 500 only if it works: its leader, and a majority.
  Request probe;
  struct Unclear {
    std::string message;        ///< For people.
    bool not_acted_on = false;  ///< The store says that it refused the request before it did anything.
  };
  /// What an answer of status 429, or 500 and above, says.
  std::function<Unclear(Response)> explain;
};
/// Those of what a Client talks to.
[[nodiscard]] StoreManners manners_of(Dialect dialect);

/// What all handles of one client share; by a shared_ptr, which its background task shares too. Thread-safe; holds no
/// mutex across an exchange, a pause or a callback.
class Caller : public std::enable_shared_from_this<Caller> {
 public:
  /// `options` have passed check_options().
  Caller(ClientOptions options, StoreManners manners);
  /// One that asks the store of ClientOptions::dialect.
  explicit Caller(ClientOptions options) : Caller(options, manners_of(options.dialect)) {}
  ~Caller();
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Errors have everything filled in, and have not been reported to the observer.
  [[nodiscard]] Result<Answered> ask(Call call, const std::stop_token& stop);

  /// One GET of that endpoint, whatever it answers.
  [[nodiscard]] Exchange look(const std::string& endpoint, std::string_view target, Duration timeout,
                              const std::stop_token& stop) const;

  /// Reports `error` as what a call returns; gives it back.
  Error report(Error error);
  /// Calls `tell` with the observer, if the user gave one; swallows what it throws.
  void observe(const std::function<void(Observer&)>& tell) const;

  [[nodiscard]] EndpointSet& endpoints() noexcept { return endpoints_; }
  [[nodiscard]] const ClientOptions& options() const noexcept { return options_; }
  [[nodiscard]] const StoreDialect& dialect() const noexcept { return store_dialect(options_.dialect); }
  [[nodiscard]] Runtime& runtime() const noexcept { return *options_.runtime; }

  /// Triggered by close().
  [[nodiscard]] std::stop_token closing() const noexcept { return closing_.get_token(); }
  void close() noexcept;
  /// After close(): waits for the background task, but not from within it.
  void stop_health_check() noexcept { health_.stop(); }

 private:
  struct AttemptFailure;
  class Waiting;

  /// The next endpoint for a call, after a pause if all have been tried.
  [[nodiscard]] EndpointSet::Choice choose(const Call& call, const Attempt& last, const Error& why,
                                           std::vector<std::string>& tried, Backoff& backoff, TimePoint deadline,
                                           const std::stop_token& stop);
  [[nodiscard]] tl::expected<Answered, AttemptFailure> attempt(const Call& call, const Attempt& attempt,
                                                               TimePoint deadline, const std::stop_token& stop,
                                                               const std::stop_token& hung);
  [[nodiscard]] Exchange exchange(const Call& call, const std::string& endpoint, TimePoint start, TimePoint end,
                                  const std::stop_token& stop);
  [[nodiscard]] AttemptFailure judge(const Call& call, const Failure& failure) const;
  [[nodiscard]] AttemptFailure judge(const Call& call, Response response) const;
  void judge(const std::string& endpoint, Verdict verdict, const std::string& reason);
  void report_change(const std::string& endpoint, bool up, const std::string& reason) const;
  [[nodiscard]] Exchange look(const std::string& endpoint, Request request, Duration timeout,
                              const std::stop_token& stop) const;
  [[nodiscard]] Verdict probe(const std::string& endpoint, const std::stop_token& stop) const;

  const bool observed_;
  const bool own_transport_;
  const ClientOptions options_;
  const StoreManners manners_;
  const Headers standing_headers_;
  EndpointSet endpoints_;
  HealthCheck health_;
  std::stop_source closing_;
};

}  // namespace deimos
