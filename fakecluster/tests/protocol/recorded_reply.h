// A reply that keeps what it was sent, for tests that call a node directly.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <deimos/fake/node.h>

namespace deimos::fake {

class RecordedReply final : public Reply {
 public:
  void answer(Response given, bool is_open) override {
    response = std::move(given);
    answered = true;
    open = is_open;
  }
  void chunk(std::string_view text) override {
    parts.emplace_back(text);
    response.body += text;
  }
  void end() override {
    open = false;
    ++ends;
  }
  void broken(Delivery how) override {
    open = false;
    breaks.push_back(how);
  }
  [[nodiscard]] std::size_t backlog() const override { return stuck ? parts.size() : 0; }

  Response response;
  std::vector<std::string> parts;
  bool answered = false;
  bool open = false;
  int ends = 0;
  std::vector<Delivery> breaks;
  bool stuck = false;  ///< As if nobody read what is sent.
};

}  // namespace deimos::fake
