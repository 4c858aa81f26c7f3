// What of two answers a client of etcd v2 can see, and in what they differ.
#pragma once

#include <string>
#include <string_view>

#include <deimos/transport.h>

#include "protocol/etcd2/session.h"

namespace deimos::fake {

/// Empty if they do not differ. Left out: instants, numbers of members and of the cluster, X-Raft-Index, a `ttl` by one
/// second, headers that say nothing of the store.
[[nodiscard]] std::string difference(const Step& step, const Response& real, const Response& fake);
/// The same of one event of a watch.
[[nodiscard]] std::string difference(std::string_view real_event, std::string_view fake_event);

/// Why the fake is to answer otherwise; empty if it is not.
[[nodiscard]] std::string_view reason_to_differ(const Step& step);

}  // namespace deimos::fake
