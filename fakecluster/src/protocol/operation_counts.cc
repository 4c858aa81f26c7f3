#include "protocol/operation_counts.h"

#include <string_view>

namespace deimos::fake {
namespace {

using Kind = Command::Kind;

/// What etcd leaves out of its count of failures, and takes for done: its code returns past the counter.
bool is_taken_for_done(Kind kind, errc error) noexcept {
  switch (kind) {
    case Kind::update:
    case Kind::compare_and_delete: return error != errc::key_not_found && error != errc::not_a_directory;
    case Kind::compare_and_swap:
    case Kind::remove: return error == errc::root_is_read_only;
    default: return false;
  }
}

}  // namespace

void OperationCounts::count(Kind kind, const std::optional<errc>& error, std::uint64_t changes) noexcept {
  const auto count_in = [&](Count& count) {
    ++(error && !is_taken_for_done(kind, *error) ? count.failed : count.done);
  };
  switch (kind) {
    case Kind::set: return count_in(sets_);
    case Kind::create:
    case Kind::create_in_order:
      // Where no directory can be made, it counts a failed set besides.
      if (error == errc::not_a_directory) ++sets_.failed;
      return count_in(creates_);
    case Kind::update: return count_in(updates_);
    case Kind::compare_and_swap: return count_in(swaps_);
    case Kind::remove: return count_in(deletes_);
    case Kind::compare_and_delete: return count_in(compared_deletes_);
    case Kind::sweep:
    case Kind::expire: expired_ += changes; return;
  }
}

void OperationCounts::count_members(std::uint64_t members) noexcept {
  creates_.done += members;
  sets_.done += members + 1;
}

std::string OperationCounts::json(std::uint64_t watchers) const {
  std::string text;
  const auto append = [&](std::string_view name, std::uint64_t number) {
    text.append(text.empty() ? "{\"" : ",\"").append(name).append("\":").append(std::to_string(number));
  };
  const auto append_both = [&](const std::string& name, const Count& count) {
    append(name + "Success", count.done);
    append(name + "Fail", count.failed);
  };
  append_both("gets", {gets_, failed_gets_});
  append_both("sets", sets_);
  append_both("delete", deletes_);
  append_both("update", updates_);
  append_both("create", creates_);
  append_both("compareAndSwap", swaps_);
  append_both("compareAndDelete", compared_deletes_);
  append("expireCount", expired_);
  append("watchers", watchers);
  return text += '}';
}

}  // namespace deimos::fake
