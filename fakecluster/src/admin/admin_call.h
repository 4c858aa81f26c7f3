// One request to the admin API as its handlers see it, and all of these.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/fake/cluster.h>
#include <deimos/transport.h>

#include "admin/json_text.h"

namespace deimos::fake {

/// A refusal with another status than 400.
class Refused : public std::runtime_error {
 public:
  Refused(int its_status, const std::string& why, std::string its_allowed = {})
      : std::runtime_error(why), status(its_status), allowed(std::move(its_allowed)) {}
  int status;
  std::string allowed;  ///< Methods, for the header of that name.
};

/// 417: what was expected is not so. `details` come after `error` in the answer.
class Unmet : public Refused {
 public:
  Unmet(const std::string& why, Json its_details) : Refused(417, why), details(std::move(its_details)) {}
  Json details;
};

struct AdminCall {
  Cluster& cluster;
  const Request& request;
  std::optional<std::string_view> id = {};             ///< What follows the name of what it is about.
  std::map<std::string, std::string> parameters = {};  ///< Of the query, decoded.
  std::stop_token stop = {};                           ///< The client has gone, or the API ends.

  /// The body, an object.
  [[nodiscard]] Json object() const;
  /// The id, a number.
  [[nodiscard]] std::uint64_t number() const;
};

/// Takes a field out of an object; nothing if it is not there.
[[nodiscard]] std::optional<Json> take(Json& object, const char* name);
/// Throws std::invalid_argument unless everything was taken; `known` are the fields that could have been there.
void check_all_taken(const Json& object, std::string_view known);

// cluster_calls.cc
[[nodiscard]] Json get_cluster(const AdminCall& call);
[[nodiscard]] Json get_faults(const AdminCall& call);
[[nodiscard]] Json post_faults(const AdminCall& call);
[[nodiscard]] Json delete_faults(const AdminCall& call);
[[nodiscard]] Json post_plan(const AdminCall& call);
[[nodiscard]] Json get_rules(const AdminCall& call);
[[nodiscard]] Json post_rules(const AdminCall& call);
[[nodiscard]] Json delete_rules(const AdminCall& call);
[[nodiscard]] Json get_clock(const AdminCall& call);
[[nodiscard]] Json post_clock(const AdminCall& call);
[[nodiscard]] Json post_reset(const AdminCall& call);

// journal_calls.cc
[[nodiscard]] Json get_journal(const AdminCall& call);
[[nodiscard]] Json delete_journal(const AdminCall& call);
[[nodiscard]] Json verify_journal(const AdminCall& call);
/// Blocks until the condition holds or its deadline has passed.
[[nodiscard]] Json post_wait(const AdminCall& call);

// data_calls.cc
[[nodiscard]] Json get_data(const AdminCall& call);
[[nodiscard]] Json put_data(const AdminCall& call);

}  // namespace deimos::fake
