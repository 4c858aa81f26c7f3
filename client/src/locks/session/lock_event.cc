#include <deimos/lock_change.h>
#include <deimos/lock_options.h>

namespace deimos {

std::string_view to_string(LockEvent::Kind kind) noexcept {
  switch (kind) {
    case LockEvent::Kind::waiting: return "waiting";
    case LockEvent::Kind::waited: return "waited";
    case LockEvent::Kind::acquired: return "acquired";
    case LockEvent::Kind::released: return "released";
    case LockEvent::Kind::renewed: return "renewed";
    case LockEvent::Kind::lost: return "lost";
    case LockEvent::Kind::renewal_failed: return "renewal failed";
    case LockEvent::Kind::renewal_late: return "renewal late";
    case LockEvent::Kind::left_to_cleaner: return "left to cleaner";
    case LockEvent::Kind::cleaned: return "cleaned";
    case LockEvent::Kind::left_to_expire: return "left to expire";
    case LockEvent::Kind::stray_unlock: return "stray unlock";
    case LockEvent::Kind::asked_to_release: return "asked to release";
    case LockEvent::Kind::place_lost: return "place lost";
  }
  return "?";
}

std::string_view to_string(LockChange::Kind kind) noexcept {
  switch (kind) {
    case LockChange::Kind::queued: return "queued";
    case LockChange::Kind::acquired: return "acquired";
    case LockChange::Kind::released: return "released";
    case LockChange::Kind::expired: return "expired";
    case LockChange::Kind::gone: return "gone";
  }
  return "?";
}

std::string_view to_string(LockKind kind) noexcept {
  switch (kind) {
    case LockKind::mutex: return "mutex";
    case LockKind::fair_mutex: return "fair mutex";
    case LockKind::reader: return "shared mutex (shared)";
    case LockKind::writer: return "shared mutex (exclusive)";
    case LockKind::semaphore: return "semaphore";
    case LockKind::election: return "election";
  }
  return "?";
}

}  // namespace deimos
