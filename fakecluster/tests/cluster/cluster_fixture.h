// Calls of a cluster as tests make them.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <deimos/fake/cluster.h>

#include "protocol/recorded_reply.h"

namespace deimos::fake {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

/// A request that may still be under way.
struct Asked {
  std::shared_ptr<RecordedReply> reply;
  Node::Ticket ticket = 0;

  [[nodiscard]] int status() const { return reply->answered ? reply->response.status : 0; }
  [[nodiscard]] const std::string& body() const { return reply->response.body; }
  [[nodiscard]] bool hangs() const { return !reply->answered && reply->breaks.empty(); }
  [[nodiscard]] bool says(std::string_view text) const { return body().find(text) != std::string::npos; }
  [[nodiscard]] std::uint64_t header(std::string_view name) const {
    const std::string* text = find_header(reply->response.headers, name);
    return text == nullptr ? 0 : std::stoull(*text);
  }
};

class ClusterFixture : public testing::Test {
 protected:
  void start(ClusterOptions options) { cluster_ = std::make_unique<Cluster>(std::move(options)); }
  Cluster& cluster() {
    if (!cluster_) start({});
    return *cluster_;
  }

  Asked ask(NodeId node, std::string method, std::string target, std::string form = {}, Origin origin = {}) {
    Asked asked{std::make_shared<RecordedReply>(), 0};
    Request request{std::move(method), "/keys" + std::move(target), {}, std::move(form), {}};
    if (!request.body.empty()) request.content_type = "application/x-www-form-urlencoded";
    asked.ticket = cluster().handle(node, origin, request, asked.reply);
    return asked;
  }
  Asked put(NodeId node, const std::string& key, const std::string& form) { return ask(node, "PUT", key, form); }
  Asked get(NodeId node, const std::string& key) { return ask(node, "GET", key); }
  Asked watch(NodeId node, const std::string& key, std::uint64_t index = 0) {
    return ask(node, "GET", key + "?wait=true" + (index == 0 ? "" : "&waitIndex=" + std::to_string(index)));
  }
  /// What the node has of a key in its own store, without asking anybody: the last event of it in its history.
  bool has_event(NodeId node, const std::string& key, std::uint64_t index) {
    const Asked asked = watch(node, key, index);
    cluster().abandon(asked.ticket);
    return asked.reply->ends == 1 && asked.status() == 200;
  }

 private:
  std::unique_ptr<Cluster> cluster_;
};

}  // namespace deimos::fake
