// The record by which a node makes itself known to the cluster, in the store.
#pragma once

#include <array>

#include <deimos/fake/command.h>
#include <deimos/fake/node_options.h>

namespace deimos::fake {

/// The writes that a node makes before it serves anybody: its record under `/_deimos/machines/` is created without a
/// name, then published. So the first write of a user gets index 3 on a single node.
[[nodiscard]] std::array<Command, 2> member_record(const MemberOptions& member);

}  // namespace deimos::fake
