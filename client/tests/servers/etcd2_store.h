// An etcd of its v2 API for a test: a real one, or the fake that is taken for it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <deimos/client.h>
#include <deimos/fake/http_cluster.h>

#include "servers/etcd2_server.h"

namespace deimos {

class Etcd2Store {
 public:
  enum class Kind { real, fake };

  explicit Etcd2Store(Kind kind) {
    if (kind == Kind::real) {
      real_.emplace();
    } else {
      fake_.emplace(fake::ClusterOptions{.nodes = 1, .dialect = fake::Dialect::etcd2, .clock = &clock_});
    }
  }

  [[nodiscard]] std::string url() const { return real_ ? real_->url() : fake_->urls().front(); }
  [[nodiscard]] Client client() const { return Client({.endpoints = {url()}, .dialect = Dialect::etcd2}); }

  void pause() { real_ ? real_->pause() : fake_->cluster().pause(1); }
  void resume() { real_ ? real_->resume() : fake_->cluster().resume(1); }

 private:
  const fake::SystemClock clock_;
  std::optional<Etcd2Server> real_;
  std::optional<fake::HttpCluster> fake_;
};

/// A test for either.
class OverEtcd2 : public ::testing::TestWithParam<Etcd2Store::Kind> {
 protected:
  Etcd2Store store{GetParam()};
  Client client = store.client();
};

inline std::string etcd2_store_name(const ::testing::TestParamInfo<Etcd2Store::Kind>& info) {
  return info.param == Etcd2Store::Kind::real ? "Real" : "Fake";
}

}  // namespace deimos
