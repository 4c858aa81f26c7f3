// What the tests of the etcd backend have in common.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <deimos/etcd_backend.h>
#include <deimos/http_transport.h>
#include <deimos/lock_manager.h>
#include <deimos/thread_runtime.h>

#include "servers/etcd_server.h"

namespace deimos {

/// How often each path of the gateway was asked for.
class RequestCounter final : public Observer {
 public:
  void on_request(const Attempt& attempt) override {
    const std::scoped_lock lock(mutex_);
    ++counts_[attempt.target];
  }
  [[nodiscard]] int count(const std::string& target) {
    const std::scoped_lock lock(mutex_);
    return counts_[target];
  }
  [[nodiscard]] int total() {
    const std::scoped_lock lock(mutex_);
    int sum = 0;
    for (const auto& [target, count] : counts_) sum += count;
    return sum;
  }
  void reset() {
    const std::scoped_lock lock(mutex_);
    counts_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> counts_;
};

/// Loses answers, or requests, as a test tells it to.
class LossyTransport final : public Transport {
 public:
  enum class Fate { pass, lose_request, lose_answer };
  using Rule = std::function<Fate(const Request&)>;

  explicit LossyTransport(std::shared_ptr<Transport> real) : real_(std::move(real)) {}
  /// Over HTTP.
  explicit LossyTransport(std::shared_ptr<Runtime> runtime)
      : LossyTransport(std::make_shared<HttpTransport>(std::move(runtime))) {}

  void set(Rule rule) {
    const std::scoped_lock lock(mutex_);
    rule_ = std::move(rule);
  }
  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override {
    Fate fate = Fate::pass;
    {
      const std::scoped_lock lock(mutex_);
      if (rule_) fate = rule_(request);
    }
    const auto lost = tl::make_unexpected(Failure{Failure::Reason::broken, Delivery::unknown, "lost on the way"});
    if (fate == Fate::lose_request) return lost;
    Exchange exchange = real_->exchange(endpoint, request, deadline, std::move(stop));
    if (fate == Fate::lose_answer) return lost;
    return exchange;
  }
  void close() noexcept override { real_->close(); }

 private:
  std::shared_ptr<Transport> real_;
  std::mutex mutex_;
  Rule rule_;
};

/// Loses the answer to the first request that has `text` in its body and no other rule.
inline LossyTransport::Rule losing_first(std::string text, LossyTransport::Fate fate) {
  return [text = std::move(text), fate, hit = std::make_shared<bool>(false)](const Request& request) {
    if (*hit || request.body.find(text) == std::string::npos) return LossyTransport::Fate::pass;
    *hit = true;
    return fate;
  };
}

class EtcdSuite : public ::testing::Test {
 protected:
  explicit EtcdSuite(EtcdSettings settings = {}) : server(std::move(settings)) {}
  void SetUp() override {
    server.start();
    ASSERT_TRUE(server.wait_until_ready());
  }

  std::shared_ptr<EtcdBackend> connect(EtcdOptions options = {}) {
    if (options.endpoints.empty()) options.endpoints = {server.url()};
    if (!options.runtime) options.runtime = runtime;
    if (!options.observer) options.observer = requests;
    return std::make_shared<EtcdBackend>(std::move(options));
  }
  std::shared_ptr<EtcdBackend> connect_over(std::shared_ptr<Transport> transport) {
    EtcdOptions options;
    options.transport = std::move(transport);
    return connect(std::move(options));
  }
  static LockManager manager(const std::shared_ptr<EtcdBackend>& backend, LockOptions options = {}) {
    options.request_timeout = std::chrono::seconds(2);
    return {backend, backend->runtime(), std::move(options)};
  }
  [[nodiscard]] Deadline soon() const { return {saturating_add(runtime->now(), std::chrono::seconds(10))}; }
  /// What `etcdctl lease list` counts.
  [[nodiscard]] int leases() const {
    const std::string text = server.ctl({"lease", "list"}).output;
    return std::stoi(text.substr(text.find("found ") + 6));
  }

  EtcdServer server;
  std::shared_ptr<ThreadRuntime> runtime = std::make_shared<ThreadRuntime>();
  std::shared_ptr<RequestCounter> requests = std::make_shared<RequestCounter>();
};

/// For messages: what went wrong, or nothing.
template <typename T>
std::string why(const Result<T>& result) {
  return result ? std::string() : result.error().describe();
}

}  // namespace deimos
