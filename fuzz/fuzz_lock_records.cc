// Any records into the locks: each line of the input is what somebody has written into the directory of a queue.
//
// Checked besides crashes: what is understood is written again as it was read; and of whatever is there, nobody is let
// in who must not be.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "locks/queue/admission.h"
#include "locks/session/lock_value.h"

namespace {

using deimos::LockKind;
using deimos::QueueVerdict;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_value(const std::string& text) {
  const deimos::LockValue value = deimos::lock_value_of(text);
  require(deimos::text_of(value) == text);
  require(value.permits >= 1);
  (void)deimos::owner_in(value.token);
}

void check_admission(const deimos::LockQueue& queue) {
  const int permits = queue.permits.value_or(1);
  std::int64_t taken = 0;
  std::size_t admitted = 0;
  bool exclusive = false;
  for (std::size_t i = 0; i < queue.places.size(); ++i) {
    const QueueVerdict verdict = deimos::verdict_on(queue, i, permits);
    require(verdict.index <= i);
    if (verdict.kind != QueueVerdict::Kind::admitted) continue;
    const deimos::LockValue& value = queue.places[i].value;
    require(deimos::is_same_lock(value.kind, queue.places.front().value.kind));
    require(!exclusive && "nobody is in beside an exclusive one");
    if (value.kind == LockKind::semaphore) {
      taken += value.permits;
      require(taken <= permits);
    } else if (value.kind != LockKind::reader) {
      require(admitted == 0);
      exclusive = true;
    }
    ++admitted;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  deimos::Listing listing;
  while (!rest.empty()) {
    const std::string text(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    check_value(text);
    deimos::LockRecord record;
    record.created_revision = record.revision = listing.records.size() + 1;
    record.key = "/locks/a/" + (deimos::is_limit_text(text) ? std::string(deimos::limit_name)
                                                            : std::to_string(record.created_revision));
    record.token = text;
    listing.records.push_back(std::move(record));
  }
  check_admission(deimos::queue_of(std::move(listing)));
  return 0;
}
