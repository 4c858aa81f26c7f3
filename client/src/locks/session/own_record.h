// A record that one acquisition wrote: recognised, and removed, whatever its text became.
#pragma once

#include <string_view>

#include <deimos/lock_backend.h>

#include "locks/session/lock_acquisition.h"

namespace deimos {

/// Whether `text`, read from the store, is of the acquisition that wrote `record`.
[[nodiscard]] bool is_of(const OwnRecord& record, std::string_view text);

/// Removes it: errc::lock_not_held if it is not there.
Result<void> remove_record(LockBackend& backend, const OwnRecord& record, const Deadline& until);

/// Removes it from wherever it is in the queue `record.key`: errc::lock_not_held if it is not there.
Result<void> remove_place(LockBackend& backend, OwnRecord record, const Deadline& until);

}  // namespace deimos
