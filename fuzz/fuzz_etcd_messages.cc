// Any bytes where an answer of etcd's gateway should be.
//
// Checked besides crashes: what is read is as it must be for whoever relies on it, and a watch that has said something
// says the same when more comes behind it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backends/etcd/etcd_messages.h"
#include "backends/etcd/etcd_records.h"
#include "backends/etcd/etcd_refusal.h"
#include "wire/base64.h"

namespace {

using namespace deimos::etcd;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_pair(const KeyValue& pair) {
  require(!pair.key.empty() && pair.mod_revision > 0);
  const deimos::LockRecord record = record_of(pair);
  require(record.key == pair.key && record.revision == pair.mod_revision);
  for (const std::string& directory : directories_above(pair.key)) require(pair.key.starts_with(directory + '/'));
}

void check_watch(const std::string& body) {
  const auto answer = read_watch(body);
  if (!answer) return require(!answer.error().empty());
  for (const WatchEvent& event : answer->events) check_pair(event.pair);
  if (!answer->events.empty()) {
    const deimos::Change change = change_of(answer->events, "/directory");
    require(change.revision == answer->events.front().pair.mod_revision);
  }
  if (!answer->says_anything()) return;
  const auto again = read_watch(body + "{\"result\":");
  require(again && again->events.size() == answer->events.size() && again->problem == answer->problem);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16384) return 0;
  const std::string body(reinterpret_cast<const char*>(data), size);
  if (const auto answer = read_txn(body)) {
    require(answer->found.size() == answer->nested_succeeded.size());
    for (const auto& found : answer->found) std::ranges::for_each(found, check_pair);
  }
  for (const bool in_stream : {false, true}) {
    if (const auto lease = read_lease(body, in_stream); !lease) require(!lease.error().empty());
  }
  check_watch(body);
  if (const auto version = read_version(body)) (void)prefix_for(*version);
  if (const auto token = read_token(body)) require(token->find('\n') == std::string::npos);
  (void)error_of_answer({.status = 400, .headers = {}, .body = body}, "user");
  if (const auto bytes = deimos::decode_base64(body)) require(deimos::encode_base64(*bytes) == body);
  return 0;
}
