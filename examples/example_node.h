// Where an example finds a Deimos: at the endpoint named on its command line, or at a fake node of its own, which it
// serves over HTTP for as long as it runs.
#pragma once

#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include <deimos/error.h>
#include <deimos/fake/clock_driver.h>
#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

namespace example {

class Node {
 public:
  Node(int argc, char** argv) {
    if (argc > 1) {
      url_ = argv[1];
      return;
    }
    fake_.emplace(deimos::fake::NodeOptions{.clock = &clock_});
    sweeper_.emplace(*fake_);
    server_.emplace(*fake_);
    url_ = server_->url();
  }

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  std::string url_;
  deimos::fake::SystemClock clock_;
  std::optional<deimos::fake::Node> fake_;
  std::optional<deimos::fake::ClockDriver> sweeper_;  // Expires keys as time goes by.
  std::optional<deimos::fake::HttpServer> server_;
};

/// Says why main() cannot go on, and is its exit status.
inline int failed(const std::exception& failure) {
  const auto* call = dynamic_cast<const tl::bad_expected_access<deimos::Error>*>(&failure);
  std::cerr << (call != nullptr ? call->error().describe() : failure.what()) << '\n';
  return 1;
}

}  // namespace example
