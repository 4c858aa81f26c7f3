#include "backends/etcd/etcd_refusal.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <deimos/internal/one_line.h>

#include "backends/etcd/etcd_messages.h"

namespace deimos::etcd {
namespace {

/// A part of what the store says, and what it means.
struct KnownRefusal {
  std::string_view part;
  errc code;
};
constexpr std::array<KnownRefusal, 9> known_refusals = {{
    {"requested lease not found", errc::key_not_found},
    {"lease already exists", errc::key_already_exists},
    {"required revision has been compacted", errc::history_cleared},
    {"permission denied", errc::invalid_argument},
    {"authentication failed", errc::invalid_argument},
    {"user name is empty", errc::invalid_argument},
    {"invalid auth token", errc::unavailable},
    {"revision of auth store is old", errc::unavailable},
    {"no leader", errc::unavailable},
}};

/// What is to be done about it, for whoever runs this.
std::string advice_for(std::string_view message, const std::string& user) {
  if (message.find("permission denied") != std::string_view::npos) {
    return (user.empty() ? "nobody in particular" : "user '" + user + "'") +
           " may not: grant a role that reads and writes all keys below the prefix of the locks";
  }
  if (message.find("authentication failed") != std::string_view::npos) {
    return "etcd does not know user '" + user + "' with that password: see EtcdOptions::credentials";
  }
  if (message.find("user name is empty") != std::string_view::npos) {
    return "etcd wants to know who asks: set EtcdOptions::credentials";
  }
  return {};
}

std::string excerpt(std::string_view body) {
  constexpr std::size_t longest = 60;
  return internal::one_line(std::string(body.substr(0, longest)));
}

}  // namespace

StoreManners manners() {
  StoreManners manners;
  manners.probe.method = "GET";
  manners.probe.target = "/health";
  manners.explain = [](Response response) -> StoreManners::Unclear {
    const Refusal refusal = read_refusal(response.body);
    // Said before anything was proposed, to whoever asks for a leader with the request.
    return {refusal.message, refusal.message == "etcdserver: no leader"};
  };
  return manners;
}

Error error_of_refusal(const std::string& message, const std::string& user) {
  const auto known = std::ranges::find_if(
      known_refusals, [&](const KnownRefusal& refusal) { return message.find(refusal.part) != std::string::npos; });
  Error error = fail(known == known_refusals.end() ? errc::invalid_argument : known->code, message).value();
  const std::string advice = advice_for(message, user);
  if (!advice.empty()) {
    error.message = advice;
    error.cause = message;
  }
  return error;
}

Error error_of_answer(const Response& response, const std::string& user) {
  const Refusal refusal = read_refusal(response.body);
  if (!refusal.message.empty()) return error_of_refusal(refusal.message, user);
  std::string why = "status " + std::to_string(response.status) + " and no word of etcd's";
  if (response.status == 404) why = "no gateway is there: is it off (--enable-grpc-gateway), or behind a proxy?";
  Error error = fail(errc::protocol_error, std::move(why)).value();
  error.cause = excerpt(response.body);
  return error;
}

bool says_token_is_over(std::string_view message) noexcept {
  return message.find("invalid auth token") != std::string_view::npos ||
         message.find("revision of auth store is old") != std::string_view::npos;
}

Result<std::string> prefix_for(const std::string& version) {
  int major = 0;
  int minor = 0;
  const char* const end = version.data() + version.size();
  const auto [dot, problem] = std::from_chars(version.data(), end, major);
  if (problem != std::errc() || dot == end || *dot != '.' || std::from_chars(dot + 1, end, minor).ec != std::errc()) {
    return tl::unexpected<Error>(no_etcd("its version is `" + excerpt(version) + '`'));
  }
  if (major > 3 || (major == 3 && minor >= 4)) return std::string("/v3");
  if (major == 3 && minor == 3) return std::string("/v3beta");
  return fail(errc::protocol_error,
              "etcd " + excerpt(version) + " is too old for these locks, which need 3.3 or later: upgrade it");
}

Error no_etcd(const std::string& why) {
  return fail(errc::protocol_error,
              "what answers there is no etcd (" + why +
                  "): give the address of etcd's clients, as in its --listen-client-urls (usually port 2379)")
      .value();
}

}  // namespace deimos::etcd
