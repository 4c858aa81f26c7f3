// Requests to a gateway, for tests.
#pragma once

#include <string>
#include <utility>

#include <deimos/transport.h>

#include "protocol/base64.h"

namespace deimos::fake {

inline std::string base64(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

inline Request call(const std::string& path, std::string body = "{}") {
  return {"POST", "/v3" + path, {}, std::move(body), {}};
}

inline Request put(const std::string& key, const std::string& value, std::int64_t lease = 0) {
  return call("/kv/put", R"({"key":")" + base64(key) + R"(","value":")" + base64(value) + R"(","lease":")" +
                             std::to_string(lease) + "\"}");
}
inline Request range(const std::string& key, const std::string& more = "") {
  return call("/kv/range", R"({"key":")" + base64(key) + "\"" + more + "}");
}
inline Request watch(const std::string& key, const std::string& more = "") {
  return call("/watch", R"({"create_request":{"key":")" + base64(key) + "\"" + more + "}}");
}
inline Request grant(std::int64_t id, int ttl) {
  return call("/lease/grant", R"({"ID":")" + std::to_string(id) + R"(","TTL":")" + std::to_string(ttl) + "\"}");
}
inline Request of_lease(const std::string& what, std::int64_t id, const std::string& more = "") {
  return call("/lease/" + what, R"({"ID":")" + std::to_string(id) + "\"" + more + "}");
}

}  // namespace deimos::fake
