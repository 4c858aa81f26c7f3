#include "backends/redis/redis_failure.h"

#include <algorithm>
#include <array>
#include <utility>

#include <deimos/internal/one_line.h>

namespace deimos {
namespace {

struct Meaning {
  std::string_view code;  ///< As it stands in the answer: at its beginning or, of a server older than 7, within.
  RedisFailure::Reason reason;
  bool is_of_master;
  std::string_view advice;
};

using Reason = RedisFailure::Reason;

constexpr std::string_view needed_rights =
    "the user may not do what locks need: the keys of the locks, ~deimos:* &deimos:* +@read +@write +@scripting "
    "+@pubsub +select +time";

constexpr std::array meanings = {
    Meaning{"NOAUTH", Reason::refused, true, "the server wants a password: give it in `credentials`"},
    Meaning{"WRONGPASS", Reason::refused, true, "the server does not know this user and password: see `credentials`"},
    Meaning{"NOPERM", Reason::refused, true, needed_rights},
    Meaning{"The user executing the script can't", Reason::refused, true, needed_rights},
    Meaning{"DENIED", Reason::refused, true, "the server talks to its own machine only: see its protected-mode"},
    Meaning{"READONLY", Reason::unreachable, false,
            "the server is a replica: give the address of the master, or of sentinels"},
    Meaning{"MASTERDOWN", Reason::unreachable, false, "the server is a replica without its master"},
    Meaning{"LOADING", Reason::unreachable, true, "the server is still loading its data"},
    Meaning{"BUSY", Reason::unreachable, true, "the server is busy with somebody's script"},
    Meaning{"OOM", Reason::unreachable, true, "the server is out of memory: raise its maxmemory, or free some"},
    Meaning{"MISCONF", Reason::unreachable, true,
            "the server cannot save its data and refuses writes: see its log, and its disk"},
    Meaning{"NOREPLICAS", Reason::unreachable, true, "the server has fewer replicas than its min-replicas-to-write"},
    Meaning{"MOVED", Reason::refused, true, "the server is a node of a Redis Cluster, which cannot keep these locks"},
    Meaning{"CROSSSLOT", Reason::refused, true,
            "the server is a node of a Redis Cluster, which cannot keep these locks"},
    Meaning{"CLUSTERDOWN", Reason::refused, true,
            "the server is a node of a Redis Cluster, which cannot keep these locks"},
    Meaning{"max number of clients", Reason::unreachable, true, "the server has as many clients as its maxclients"},
    Meaning{"invalid password", Reason::refused, true, "the password is wrong: see `credentials`"},
    Meaning{"without any password configured", Reason::refused, true,
            "the server wants no password from this user: leave `credentials` empty, or name a user"},
    Meaning{"DB index is out of range", Reason::refused, true, "the server has no such `database`"},
    Meaning{"unknown command", Reason::refused, true,
            "the server is no Redis of version 5 or newer, or hides commands"},
};

bool says(std::string_view text, std::string_view code) {
  return text.starts_with(code) || text.find(" -" + std::string(code)) != std::string_view::npos ||
         (code.find(' ') != std::string_view::npos && text.find(code) != std::string_view::npos);
}

}  // namespace

RedisRefusal refusal_of(std::string_view text) {
  const auto meaning = std::ranges::find_if(meanings, [&](const Meaning& each) { return says(text, each.code); });
  RedisRefusal refusal;
  refusal.failure.message = "it says `" + internal::one_line(text.substr(0, 200)) + "`";
  if (meaning == meanings.end()) {
    // Of a script that ended amid its work, for instance: nobody knows what that did.
    refusal.failure.reason = Reason::nonsense;
    refusal.failure.delivery = Delivery::unknown;
    return refusal;
  }
  refusal.failure.reason = meaning->reason;
  refusal.failure.message = std::string(meaning->advice) + "; " + refusal.failure.message;
  refusal.is_of_master = meaning->is_of_master;
  return refusal;
}

Error error_of(const RedisFailure& failure, RedisEffect effect) {
  const bool may_be_applied = effect == RedisEffect::write && failure.delivery == Delivery::unknown;
  const auto code = [&] {
    switch (failure.reason) {
      case Reason::cancelled: return errc::cancelled;
      case Reason::closed: return may_be_applied ? errc::outcome_unknown : errc::closed;
      case Reason::nonsense: return errc::protocol_error;
      case Reason::refused: return errc::invalid_argument;
      case Reason::unreachable:
      case Reason::timed_out: break;
    }
    return may_be_applied ? errc::outcome_unknown : errc::unavailable;
  };
  return fail(code(), failure.message).value();
}

}  // namespace deimos
