// What a node asks to be put into the log, and what is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <deimos/fake/clock.h>
#include <deimos/fake/command.h>
#include <deimos/fake/data.h>
#include <deimos/fake/node_id.h>

#include "versions/requests.h"

namespace deimos::fake {

struct Proposal {
  /// About how many bytes it takes. Does not change while it is in the log.
  [[nodiscard]] std::size_t size() const noexcept {
    const std::size_t texts =
        command ? command->key.size() + command->value.size() + command->previous_value.size() : 0;
    std::size_t loaded = 0;
    if (load) {
      for (const DataEntry& entry : load->entries) loaded += sizeof(DataEntry) + entry.key.size() + entry.value.size();
    }
    return sizeof(Proposal) + client.size() + texts + loaded + (versions ? size_of(*versions) : 0);
  }
  /// It only takes its place among the others.
  [[nodiscard]] bool only_reads() const noexcept { return !command && !load && !versions; }

  std::uint64_t id = 0;       ///< Never used twice; 0: nobody waits for it.
  NodeId accepted_by = 0;     ///< Who was asked.
  Instant accepted_at{};      ///< True time.
  std::string client;         ///< Origin::client.
  std::uint64_t request = 0;  ///< Origin::request.
  std::optional<Command> command;
  /// Replaces what is stored; each `ttl` counts from accepted_at. Shared by the log and those who apply it late.
  std::shared_ptr<const Data> load;
  std::shared_ptr<const versions::Change> versions;  ///< In the etcd3 dialect.
};

struct LogEntry {
  Proposal proposal;
  Instant committed_at{};  ///< True time.
  std::uint64_t raft_index = 0;
  std::uint64_t term = 0;
};

}  // namespace deimos::fake
