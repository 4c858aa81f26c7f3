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

bool Event::is_removal() const noexcept {
  return action == Action::remove || action == Action::compare_and_delete || action == Action::expire;
}

bool Event::removed_directory() const noexcept { return is_removal() && previous && previous->directory; }

}  // namespace deimos::fake
