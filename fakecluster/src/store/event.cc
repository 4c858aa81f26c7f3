#include <deimos/fake/event.h>

namespace deimos::fake {

std::string_view to_string(Action action) noexcept {
  switch (action) {
    case Action::set: return "set";
    case Action::create: return "create";
    case Action::update: return "update";
    case Action::compare_and_swap: return "compareAndSwap";
    case Action::remove: return "delete";
    case Action::compare_and_delete: return "compareAndDelete";
    case Action::expire: return "expire";
  }
  return "";
}

bool Event::removed_directory() const noexcept {
  return (action == Action::remove || action == Action::expire) && previous && previous->directory;
}

}  // namespace deimos::fake
