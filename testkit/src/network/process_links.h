// The links between processes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/testkit/link_options.h>

namespace deimos::testkit {

/// The state of the network between two processes.
struct ProcessLink {
  LinkOptions options;
  bool outside = false;          ///< Of the network: set_links() leaves it alone.
  bool cut[2] = {false, false};  ///< From the first of the two by name to the second, and back.
};

/// One way over a link.
struct Path {
  ProcessLink* link = nullptr;
  bool backwards = false;

  [[nodiscard]] bool cut() const noexcept { return link->cut[backwards ? 1 : 0]; }
  [[nodiscard]] Path back() const noexcept { return {link, !backwards}; }
};

/// Made when first asked for; they live as long as this.
class ProcessLinks {
 public:
  /// From `one` to `other`; those from a process to itself, or of one outside, lose no time and nothing.
  [[nodiscard]] Path path(std::string_view one, std::string_view other);
  void put_outside(const std::string& process) { outside_ = process; }
  void set_all(const LinkOptions& options);
  void cut(std::string_view one, std::string_view other, Direction direction);
  void heal(std::string_view one, std::string_view other);
  void heal_all() noexcept;

 private:
  LinkOptions defaults_;
  std::string outside_;
  std::map<std::pair<std::string, std::string>, ProcessLink> links_;
};

}  // namespace deimos::testkit
