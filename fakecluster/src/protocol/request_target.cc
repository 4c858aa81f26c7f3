#include "protocol/request_target.h"

#include <algorithm>
#include <vector>

#include <deimos/internal/percent_coding.h>

namespace deimos::fake {
namespace {

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_clean(std::string_view path) noexcept {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
    const std::string_view rest = path.substr(slash + 1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment == "." || segment == ".." || (segment.empty() && !rest.empty())) return false;
  }
  return true;
}

/// Without empty, `.` and `..` segments; a trailing slash is kept.
std::string clean(std::string_view path) {
  std::vector<std::string_view> kept;
  const bool trailing = path.ends_with('/');
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!segment.empty() && segment != ".") {
      kept.push_back(segment);
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  std::string cleaned;
  for (const std::string_view segment : kept) cleaned.append(1, '/').append(segment);
  if (cleaned.empty() || trailing) cleaned += '/';
  return cleaned;
}

bool is_at_or_below(std::string_view path, std::string_view above) noexcept {
  return path.starts_with(above) && (path.size() == above.size() || path[above.size()] == '/');
}

/// A route that ends with `*` takes all that begins like it.
const KeysDialect::PageRoute* find_route(std::string_view path, std::span<const KeysDialect::PageRoute> routes) {
  const auto found = std::find_if(routes.begin(), routes.end(), [&](const KeysDialect::PageRoute& route) {
    if (!route.path.ends_with('*')) return path == route.path;
    return path.starts_with(route.path.substr(0, route.path.size() - 1));
  });
  return found == routes.end() ? nullptr : &*found;
}

}  // namespace

Target Target::parse(std::string_view target, const KeysDialect& dialect) {
  Target parsed;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  if (mark != std::string_view::npos) parsed.query = target.substr(mark + 1);
  if (!path.starts_with('/') || std::any_of(target.begin(), target.end(), is_control) ||
      internal::find_bad_escape(path)) {
    parsed.kind = Kind::malformed;
    return parsed;
  }
  parsed.path = internal::percent_decode(path, false);
  if (!is_clean(parsed.path)) {
    parsed.kind = Kind::unclean;
    parsed.path = clean(parsed.path);
  } else if (is_at_or_below(parsed.path, dialect.keys_path)) {
    parsed.kind = Kind::keys;
    parsed.path.erase(0, dialect.keys_path.size());
    if (parsed.path.ends_with('/')) parsed.path.pop_back();
    if (parsed.path.empty()) parsed.path = "/";
  } else if (const auto* route = find_route(parsed.path, dialect.pages); route != nullptr) {
    parsed.kind = Kind::page;
    parsed.route = route;
  }
  return parsed;
}

}  // namespace deimos::fake
