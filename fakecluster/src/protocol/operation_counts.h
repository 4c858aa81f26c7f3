// How often a node carried out what: etcd's statistics of its store.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <deimos/error.h>
#include <deimos/fake/command.h>

namespace deimos::fake {

class OperationCounts {
 public:
  /// `error`: why it was refused. `changes`: how many events it made.
  void count(Command::Kind kind, const std::optional<errc>& error, std::uint64_t changes) noexcept;
  void count_get(bool found) noexcept { ++(found ? gets_ : failed_gets_); }
  /// What a cluster of so many did before it served anybody.
  void count_members(std::uint64_t members) noexcept;
  /// The JSON object, with the number of watchers.
  [[nodiscard]] std::string json(std::uint64_t watchers) const;

 private:
  struct Count {
    std::uint64_t done = 0;
    std::uint64_t failed = 0;
  };

  std::uint64_t gets_ = 0;
  std::uint64_t failed_gets_ = 0;
  Count sets_;
  Count deletes_;
  Count updates_;
  Count creates_;
  Count swaps_;
  Count compared_deletes_;
  std::uint64_t expired_ = 0;
};

}  // namespace deimos::fake
