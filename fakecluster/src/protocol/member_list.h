// The members of a cluster: their numbers, and what clients are told of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <deimos/fake/node_id.h>
#include <deimos/fake/node_options.h>

namespace deimos::fake {

/// A number by which a member is known to others, made from its name and peer URL: so that the same options give the
/// same number in every run.
[[nodiscard]] std::uint64_t member_id(const MemberOptions& member) noexcept;
/// As the APIs write it.
[[nodiscard]] std::string hexadecimal(std::uint64_t number);

class MemberList {
 public:
  /// Node 1 first. Throws std::invalid_argument if two have the same name or URL.
  explicit MemberList(std::vector<MemberOptions> members);

  [[nodiscard]] const MemberOptions& operator[](NodeId node) const noexcept { return members_[node - 1]; }
  /// Every client URL, sorted, with commas in between.
  [[nodiscard]] const std::string& machines() const noexcept { return machines_; }
  /// A number of the cluster's own.
  [[nodiscard]] const std::string& cluster_id() const noexcept { return cluster_id_; }
  /// The JSON object of one, and of all, sorted by number.
  [[nodiscard]] std::string json(NodeId node) const;
  [[nodiscard]] std::string json() const;

 private:
  std::vector<MemberOptions> members_;
  std::string machines_;
  std::string cluster_id_;
};

}  // namespace deimos::fake
