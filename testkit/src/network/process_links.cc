#include "network/process_links.h"

#include <algorithm>

namespace deimos::testkit {

Path ProcessLinks::path(std::string_view one, std::string_view other) {
  const auto [first, second] = std::minmax(one, other);
  const auto [place, is_new] = links_.try_emplace({std::string(first), std::string(second)});
  ProcessLink& link = place->second;
  if (is_new) {
    link.outside = one == other || (!outside_.empty() && (one == outside_ || other == outside_));
    link.options = link.outside ? LinkOptions{.latency_min = {}, .latency_max = {}} : defaults_;
  }
  return {&link, one > other};
}

void ProcessLinks::set_all(const LinkOptions& options) {
  defaults_ = options;
  for (auto& [processes, link] : links_) {
    if (!link.outside) link.options = options;
  }
}

void ProcessLinks::cut(std::string_view one, std::string_view other, Direction direction) {
  const Path there = path(one, other);
  if (direction != Direction::answers) there.link->cut[there.backwards ? 1 : 0] = true;
  if (direction != Direction::requests) there.link->cut[there.backwards ? 0 : 1] = true;
}

void ProcessLinks::heal(std::string_view one, std::string_view other) {
  for (bool& cut : path(one, other).link->cut) cut = false;
}

void ProcessLinks::heal_all() noexcept {
  for (auto& [processes, link] : links_) link.cut[0] = link.cut[1] = false;
}

}  // namespace deimos::testkit
