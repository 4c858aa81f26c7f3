#include <deimos/lock_options.h>

namespace deimos {

std::string_view to_string(LockEvent::Kind kind) noexcept {
  switch (kind) {
    case LockEvent::Kind::acquired: return "acquired";
    case LockEvent::Kind::released: return "released";
    case LockEvent::Kind::lost: return "lost";
    case LockEvent::Kind::renewal_failed: return "renewal failed";
    case LockEvent::Kind::renewal_late: return "renewal late";
    case LockEvent::Kind::left_to_cleaner: return "left to cleaner";
    case LockEvent::Kind::cleaned: return "cleaned";
    case LockEvent::Kind::left_to_expire: return "left to expire";
    case LockEvent::Kind::stray_unlock: return "stray unlock";
  }
  return "?";
}

}  // namespace deimos
