#include <deimos/testkit/disk.h>

#include <optional>
#include <stdexcept>
#include <utility>

#include <deimos/internal/broken_rule.h>

namespace deimos::testkit {
namespace {

constexpr std::size_t longest_name = 255;

tl::unexpected<Error> failed(std::errc code, std::string_view name) {
  Error error;
  error.code = std::make_error_code(code);
  error.message = error.code.message();
  error.key = name;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

Disk::Disk(Scheduler& scheduler, std::string owner, DiskOptions options, RandomStream random)
    : scheduler_(scheduler), owner_(std::move(owner)), options_(options), random_(random) {
  if (options_.sync_time < Duration::zero()) {
    throw std::invalid_argument(internal::broken_rule("sync_time must not be negative", options_.sync_time));
  }
}

Result<void> Disk::ready(std::string_view name) const {
  scheduler_.throw_if_killed();
  if (scheduler_.current_killed()) return fail(errc::closed, "the process was killed");
  if (fault_ == DiskFault::failing) return failed(std::errc::io_error, name);
  if (name.size() > longest_name) return failed(std::errc::filename_too_long, name);
  return {};
}

Result<void> Disk::room_for(std::string_view name, std::size_t before, std::size_t after) const {
  if (name.empty()) return failed(std::errc::invalid_argument, name);
  if (after > options_.largest_file) return failed(std::errc::file_too_large, name);
  const std::size_t used = used_ - before + after + (visible_.contains(name) ? 0 : name.size());
  if (fault_ == DiskFault::full || used > options_.capacity) return failed(std::errc::no_space_on_device, name);
  return {};
}

Result<void> Disk::write(std::string_view name, std::string_view content) {
  if (auto able = ready(name); !able) return able;
  const auto old = visible_.find(name);
  const std::size_t before = old == visible_.end() ? 0 : old->second.size();
  if (auto able = room_for(name, before, content.size()); !able) return able;
  perform({Operation::Kind::write, std::string(name), std::string(content)});
  return {};
}

Result<void> Disk::append(std::string_view name, std::string_view content) {
  if (auto able = ready(name); !able) return able;
  const auto old = visible_.find(name);
  const std::size_t before = old == visible_.end() ? 0 : old->second.size();
  if (auto able = room_for(name, before, before + content.size()); !able) return able;
  perform({Operation::Kind::append, std::string(name), std::string(content)});
  return {};
}

Result<void> Disk::rename(std::string_view from, std::string_view to) {
  if (auto able = ready(to); !able) return able;
  if (to.empty()) return failed(std::errc::invalid_argument, to);
  if (!visible_.contains(from)) return failed(std::errc::no_such_file_or_directory, from);
  if (from != to) perform({Operation::Kind::rename, std::string(from), std::string(to)});
  return {};
}

Result<void> Disk::remove(std::string_view name) {
  if (auto able = ready(name); !able) return able;
  if (!visible_.contains(name)) return failed(std::errc::no_such_file_or_directory, name);
  perform({Operation::Kind::remove, std::string(name), {}});
  return {};
}

Result<void> Disk::sync() {
  if (auto able = ready({}); !able) return able;
  const std::uint64_t until = performed_;
  if (options_.sync_time > Duration::zero()) scheduler_.sleep_until(scheduler_.now() + options_.sync_time);
  if (auto able = ready({}); !able) return able;
  if (fault_ == DiskFault::lying) return {};
  while (performed_ - unsynced_.size() < until) reach_disk();
  return {};
}

Result<std::string> Disk::read(std::string_view name) const {
  if (auto able = ready(name); !able) return tl::unexpected<Error>(std::move(able.error()));
  const auto found = visible_.find(name);
  if (found == visible_.end()) return failed(std::errc::no_such_file_or_directory, name);
  return found->second;
}

Result<std::vector<std::string>> Disk::list(std::string_view prefix) const {
  if (auto able = ready({}); !able) return tl::unexpected<Error>(std::move(able.error()));
  std::vector<std::string> names;
  for (auto file = visible_.lower_bound(prefix); file != visible_.end() && file->first.starts_with(prefix); ++file) {
    names.push_back(file->first);
  }
  return names;
}

void Disk::perform(Operation operation) {
  used_ += static_cast<std::size_t>(apply(visible_, operation));
  ++performed_;
  unsynced_.push_back(std::move(operation));
  if (unsynced_.size() > most_unsynced) reach_disk();
}

void Disk::reach_disk() {
  apply(durable_, unsynced_.front());
  unsynced_.pop_front();
}

std::ptrdiff_t Disk::apply(Files& files, const Operation& operation) {
  using Kind = Operation::Kind;
  const auto take = [&](const std::string& name) {
    const auto file = files.extract(name);
    return file ? std::optional(file.mapped()) : std::nullopt;
  };
  const auto size = [](const std::string& name, const std::optional<std::string>& content) {
    return content ? static_cast<std::ptrdiff_t>(name.size() + content->size()) : 0;
  };
  const std::optional<std::string> old = take(operation.name);
  std::ptrdiff_t growth = -size(operation.name, old);
  const auto put = [&](const std::string& name, std::string content) {
    growth += size(name, content);
    files.insert_or_assign(name, std::move(content));
  };
  switch (operation.kind) {
    case Kind::write: put(operation.name, operation.content); break;
    case Kind::append: put(operation.name, old.value_or("") + operation.content); break;
    case Kind::remove: break;
    case Kind::rename:
      growth -= size(operation.content, take(operation.content));
      // What was to be renamed may be missing after a crash: the name is there all the same, of an empty file.
      put(operation.content, old.value_or(""));
      break;
  }
  return growth;
}

void Disk::set_fault(DiskFault fault) {
  fault_ = fault;
  constexpr std::string_view names[] = {"is well", "is full", "fails", "lies about syncs"};
  scheduler_.history().record(scheduler_.elapsed(), "disk", owner_, names[static_cast<std::size_t>(fault)]);
}

void Disk::lose_unsynced() {
  if (unsynced_.empty()) return;
  const std::size_t count = unsynced_.size();
  const std::size_t point = options_.at_crash == UnsyncedLoss::latest ? random_.below(count + 1) : 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count; ++i) {
    Operation& operation = unsynced_[i];
    const bool by_itself = options_.at_crash == UnsyncedLoss::some || options_.at_crash == UnsyncedLoss::torn;
    if (by_itself ? random_.chance(0.5) : i >= point) continue;
    if (options_.at_crash == UnsyncedLoss::torn && operation.kind <= Operation::Kind::append && random_.chance(0.5)) {
      operation.content.resize(random_.below(operation.content.size() + 1));
    }
    apply(durable_, operation);
    ++kept;
  }
  unsynced_.clear();
  visible_ = durable_;
  used_ = 0;
  for (const auto& [name, content] : visible_) used_ += name.size() + content.size();
  scheduler_.history().record(
      scheduler_.elapsed(), "disk", owner_,
      std::to_string(count - kept) + " of " + std::to_string(count) + " operations that were not synced are lost");
}

}  // namespace deimos::testkit
