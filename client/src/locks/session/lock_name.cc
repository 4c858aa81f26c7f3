#include "locks/session/lock_name.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include <deimos/internal/broken_rule.h>
#include <deimos/internal/utf8.h>

namespace deimos {
namespace {

constexpr std::size_t longest_name = 512;
constexpr std::size_t longest_owner = 200;
constexpr std::size_t longest_reason = 1000;
constexpr Duration longest_within = std::chrono::hours(24 * 365 * 10);

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// Why `text` is no path of parts, or nothing. `may_hide`: parts may begin with `_`.
std::string fault_of(std::string_view text, bool may_hide) {
  if (text.size() > longest_name) return "is longer than 512 bytes";
  if (std::any_of(text.begin(), text.end(), is_control)) return "has a control character";
  if (!internal::is_utf8(text)) return "is not UTF-8";
  for (std::string_view rest = text;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    if (part.empty()) return text.empty() ? "is empty" : "has an empty part (a slash at an end, or two in a row)";
    if (part == "." || part == "..") return "has a part '.' or '..'";
    if (part.front() == '_' && !may_hide) return "has a part that begins with '_', which the store hides from lists";
    if (slash == std::string_view::npos) return "";
    rest.remove_prefix(slash + 1);
  }
}

}  // namespace

std::optional<Error> check_lock_name(std::string_view name) {
  const std::string fault = fault_of(name, false);
  if (fault.empty()) return std::nullopt;
  return fail(errc::invalid_key, "the lock name '" + std::string(name.substr(0, 80)) + "' " + fault).value();
}

std::optional<Error> check_lock_prefix(std::string_view prefix) {
  const auto refuse = [&](const std::string& fault) {
    return fail(errc::invalid_argument, "prefix '" + std::string(prefix.substr(0, 80)) + "' " + fault).value();
  };
  if (prefix.empty() || prefix.front() != '/') return refuse("must begin with '/'");
  prefix.remove_prefix(1);
  if (prefix.ends_with('/')) prefix.remove_suffix(1);
  if (prefix.empty()) return std::nullopt;
  const std::string fault = fault_of(prefix, true);
  if (fault.empty()) return std::nullopt;
  return refuse(fault);
}

std::optional<Error> check_lock_owner(std::string_view owner) {
  const bool is_text = internal::is_utf8(owner) && std::none_of(owner.begin(), owner.end(), is_control);
  const bool has_mark = owner.find(';') != std::string_view::npos;  // It ends what comes before an owner in a record.
  if (owner.size() <= longest_owner && is_text && !has_mark) return std::nullopt;
  std::string why = "owner must be at most 200 bytes of printable UTF-8 without ';', but ";
  if (owner.size() > longest_owner) {
    why += "is " + std::to_string(owner.size()) + " bytes long";
  } else {
    why += is_text ? "has one" : "is not printable";
  }
  return fail(errc::invalid_argument, std::move(why)).value();
}

std::optional<Error> check_release_demand(const ReleaseDemand& demand) {
  const std::string_view reason = demand.reason;
  const bool is_text = internal::is_utf8(reason) && std::none_of(reason.begin(), reason.end(), is_control);
  if (reason.size() > longest_reason || !is_text) {
    return fail(errc::invalid_argument,
                "reason must be at most 1000 bytes of printable UTF-8, but " +
                    (is_text ? "is " + std::to_string(reason.size()) + " bytes long" : std::string("is not printable")))
        .value();
  }
  if (demand.within >= std::chrono::seconds(1) && demand.within <= longest_within) return std::nullopt;
  return fail(errc::invalid_argument, internal::broken_rule("within must be from 1s to 10 years", demand.within))
      .value();
}

}  // namespace deimos
