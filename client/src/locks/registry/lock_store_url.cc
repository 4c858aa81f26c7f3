#include <deimos/lock_store_url.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include <deimos/internal/ascii.h>
#include <deimos/internal/duration_text.h>
#include <deimos/internal/percent_coding.h>
#include <deimos/internal/utf8.h>

namespace deimos {
namespace {

constexpr std::size_t longest_url = 8192;

tl::unexpected<Error> refuse(std::string why) { return fail(errc::invalid_argument, std::move(why)); }

Result<std::string> decoded(std::string_view text, const char* what) {
  if (internal::find_bad_escape(text))
    return refuse(std::string(what) + " has a % that two hexadecimal digits must follow");
  std::string plain = internal::percent_decode(text, false);
  const bool controls =
      std::ranges::any_of(plain, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (controls || !internal::is_utf8(plain)) return refuse(std::string(what) + " is not printable UTF-8");
  return plain;
}

/// Takes from `text` all before the first of `ends`, which stays.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const std::string_view taken = text.substr(0, text.find_first_of(ends));
  text.remove_prefix(taken.size());
  return taken;
}

Result<void> read_user(LockStoreUrl& url, std::string_view text) {
  const std::size_t colon = text.find(':');
  auto user = decoded(text.substr(0, colon), "the user");
  if (!user) return tl::unexpected<Error>(std::move(user.error()));
  url.user = std::move(*user);
  if (colon == std::string_view::npos) return {};
  auto password = decoded(text.substr(colon + 1), "the password");
  if (!password) return tl::unexpected<Error>(std::move(password.error()));
  url.password = std::move(*password);
  return {};
}

Result<void> read_hosts(LockStoreUrl& url, std::string_view text) {
  for (;;) {
    const std::string_view host = take_until(text, ",");
    if (host.empty()) return refuse("a host is missing: SCHEME://HOST[:PORT][,HOST[:PORT]…]");
    url.hosts.emplace_back(host);
    if (text.empty()) return {};
    text.remove_prefix(1);
  }
}

Result<void> read_options(LockStoreUrl& url, std::string_view text) {
  while (!text.empty()) {
    const std::string_view option = take_until(text, "&");
    if (!text.empty()) text.remove_prefix(1);
    const std::size_t sign = option.find('=');
    if (sign == std::string_view::npos)
      return refuse("the option '" + std::string(option) + "' has no value: OPTION=VALUE");
    const std::string name(option.substr(0, sign));
    auto value = decoded(option.substr(sign + 1), ("the option '" + name + "'").c_str());
    if (!value) return tl::unexpected<Error>(std::move(value.error()));
    if (auto added = url.options.add(name, std::move(*value)); !added) return added;
  }
  return {};
}

bool is_scheme(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+'; });
}

template <typename Number>
bool read_whole(const std::string& text, Number& number) {
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

}  // namespace

Result<void> LockUrlOptions::add(std::string name, std::string value) {
  if (name.empty()) return refuse("an option has no name: OPTION=VALUE");
  if (!given_.emplace(name, std::move(value)).second) return refuse("the option '" + name + "' is there twice");
  return {};
}

const std::string* LockUrlOptions::find(std::string_view name) {
  known_.emplace(name);
  const auto option = given_.find(name);
  return option == given_.end() ? nullptr : &option->second;
}

void LockUrlOptions::reject(std::string_view name, std::string_view rule) {
  if (wrong_) return;
  wrong_ = fail(errc::invalid_argument, "the option '" + std::string(name) + "' must be " + std::string(rule) +
                                            ", but is '" + given_.find(name)->second + "'")
               .value();
}

void LockUrlOptions::take(std::string_view name, std::string& value) {
  if (const std::string* given = find(name)) value = *given;
}

void LockUrlOptions::take(std::string_view name, Duration& value) {
  const std::string* const given = find(name);
  if (given == nullptr) return;
  const auto duration = internal::parse_duration(*given);
  if (!duration) return reject(name, "a duration as 30s, 250ms or 2min");
  value = std::chrono::duration_cast<Duration>(*duration);
}

void LockUrlOptions::take(std::string_view name, bool& value) {
  const std::string* const given = find(name);
  if (given == nullptr) return;
  if (*given != "on" && *given != "off") return reject(name, "on or off");
  value = *given == "on";
}

void LockUrlOptions::take(std::string_view name, int& value) {
  const std::string* const given = find(name);
  if (given != nullptr && !read_whole(*given, value)) reject(name, "a whole number");
}

void LockUrlOptions::take(std::string_view name, std::size_t& value) {
  const std::string* const given = find(name);
  if (given != nullptr && !read_whole(*given, value)) reject(name, "a whole number, not negative");
}

Result<void> LockUrlOptions::finish() const {
  if (wrong_) return tl::unexpected<Error>(*wrong_);
  for (const auto& [name, value] : given_) {
    if (known_.contains(name)) continue;
    std::string why = "there is no option '" + name + "'; there are:";
    for (const std::string& known : known_) why += ' ' + known;
    return refuse(std::move(why));
  }
  return {};
}

Result<LockStoreUrl> LockStoreUrl::parse(std::string_view text) {
  if (text.size() > longest_url) return refuse("a URL of " + std::to_string(text.size()) + " bytes; at most 8192");
  const std::size_t colon = text.find("://");
  LockStoreUrl url;
  url.scheme = std::string(text.substr(0, colon));
  for (char& c : url.scheme) c = internal::to_lower(c);
  if (colon == std::string_view::npos || !is_scheme(url.scheme)) {
    return refuse("not a URL of a store for locks: SCHEME://HOST[:PORT][/PREFIX], as etcd://127.0.0.1:2379/locks");
  }
  std::string_view rest = text.substr(colon + 3);
  std::string_view authority = take_until(rest, "/?#");
  const std::string_view path = take_until(rest, "?#");
  if (rest.find('#') != std::string_view::npos) return refuse("a store for locks has no part behind a #");
  if (!rest.empty()) rest.remove_prefix(1);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_user(url, authority.substr(0, at)); !read)
      return tl::unexpected<Error>(std::move(read.error()));
    authority.remove_prefix(at + 1);
  }
  if (auto read = read_hosts(url, authority); !read) return tl::unexpected<Error>(std::move(read.error()));
  auto prefix = decoded(path, "the prefix");
  if (!prefix) return tl::unexpected<Error>(std::move(prefix.error()));
  url.prefix = std::move(*prefix);
  while (url.prefix.ends_with('/')) url.prefix.pop_back();
  if (auto read = read_options(url, rest); !read) return tl::unexpected<Error>(std::move(read.error()));
  return url;
}

}  // namespace deimos
