// What of two answers a client of etcd v3's gateway can see, and in what they differ.
#pragma once

#include <string>
#include <string_view>

#include <deimos/transport.h>

#include "protocol/etcd3/session.h"

namespace deimos::fake::etcd3 {

/// Empty if they do not differ. Left out: numbers of members, of the cluster and of terms; a TTL by one second; the
/// order of leases, and of the keys on one; headers of CORS.
[[nodiscard]] std::string difference(const Step& step, const Response& real, const Response& fake);
/// The same of messages of a stream, a line each. Those of different watches are in no order.
[[nodiscard]] std::string difference(std::string_view real_messages, std::string_view fake_messages);

/// Why the fake is to answer otherwise; empty if it is not.
[[nodiscard]] std::string_view reason_to_differ(const Step& step);

}  // namespace deimos::fake::etcd3
