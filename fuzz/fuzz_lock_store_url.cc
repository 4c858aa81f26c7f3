// Any text as the URL of a store for locks: taken apart or refused, and what is taken apart has hosts and a scheme.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <deimos/lock_registry.h>
#include <deimos/lock_store_url.h>

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto url = deimos::LockStoreUrl::parse(text);
  check(url.has_value() || url.error().code == deimos::errc::invalid_argument);
  if (!url) return 0;
  check(!url->scheme.empty() && !url->hosts.empty());
  check(url->prefix.empty() || (url->prefix.front() == '/' && url->prefix.back() != '/'));
  deimos::Duration duration{};
  int whole = 0;
  bool flag = false;
  url->options.take("ttl", duration);
  url->options.take("database", whole);
  url->options.take("tls", flag);
  (void)url->options.finish();
  return 0;
}
