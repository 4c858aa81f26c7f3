// A small disk: what a process wrote and synced is there after its crash, what it did not sync may be.
//
//     Disk& disk = process.disk();
//     disk.write("state.new", text);
//     disk.sync();                        // Else a crash may keep the new name of an empty file.
//     disk.rename("state.new", "state");
//     disk.sync();
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/random.h>
#include <deimos/testkit/scheduler.h>

namespace deimos::testkit {

/// What a crash takes of the operations that were not synced. The seed decides.
enum class UnsyncedLoss {
  all,
  latest,  ///< Those after some point: what is kept is in order.
  some,    ///< Each by itself: a later one may be kept and an earlier one lost.
  torn,    ///< As `some`; and of a write or append that is kept, the end may be missing.
};

enum class DiskFault {
  none,
  full,     ///< Nothing can be written: std::errc::no_space_on_device.
  failing,  ///< Everything fails: std::errc::io_error.
  lying,    ///< sync() succeeds and does nothing.
};

struct DiskOptions {
  std::size_t capacity = std::size_t{16} << 20;     ///< Bytes of all files, their names included.
  std::size_t largest_file = std::size_t{4} << 20;  ///< Bytes.
  Duration sync_time = std::chrono::milliseconds(1);
  UnsyncedLoss at_crash = UnsyncedLoss::some;
};

/// Belongs to the machine: it lives on through crashes and restarts of its process. Its files have plain names, up to
/// 255 bytes. Calls that fail change nothing, and say why by a code of std::errc. Only sync() waits. A process that was
/// killed changes nothing any more.
class DEIMOS_EXPORT Disk {
 public:
  /// More operations that are not synced reach the disk by themselves, the oldest first.
  static constexpr std::size_t most_unsynced = 1000;

  /// Throws std::invalid_argument for a negative `sync_time`.
  Disk(Scheduler& scheduler, std::string owner, DiskOptions options, RandomStream random);
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  /// Makes or replaces the file. Codes: `file_too_large`, `no_space_on_device`, `filename_too_long`, and
  /// `invalid_argument` for an empty name.
  Result<void> write(std::string_view name, std::string_view content);
  /// Makes the file if there is none.
  Result<void> append(std::string_view name, std::string_view content);
  /// Replaces `to` if it is there, in one step that no crash tears. `no_such_file_or_directory`.
  Result<void> rename(std::string_view from, std::string_view to);
  /// `no_such_file_or_directory`.
  Result<void> remove(std::string_view name);
  /// What was done before the call is durable when it returns, after DiskOptions::sync_time; not if it fails.
  Result<void> sync();
  /// As it was written, synced or not. `no_such_file_or_directory`.
  [[nodiscard]] Result<std::string> read(std::string_view name) const;
  /// The names of all files that begin with `prefix`, sorted.
  [[nodiscard]] Result<std::vector<std::string>> list(std::string_view prefix = {}) const;

  // For the test.

  /// From now on.
  void set_fault(DiskFault fault);
  void set_loss_at_crash(UnsyncedLoss loss) noexcept { options_.at_crash = loss; }
  /// How many operations are not synced.
  [[nodiscard]] std::size_t unsynced() const noexcept { return unsynced_.size(); }
  /// What a crash does to it. Done by Simulation::crash().
  void lose_unsynced();

 private:
  using Files = std::map<std::string, std::string, std::less<>>;
  struct Operation {
    enum class Kind { write, append, rename, remove };
    Kind kind = Kind::write;
    std::string name;
    std::string content;  ///< Of a rename: the new name.
  };

  /// An error if nothing can be done right now.
  [[nodiscard]] Result<void> ready(std::string_view name) const;
  [[nodiscard]] Result<void> room_for(std::string_view name, std::size_t before, std::size_t after) const;
  void perform(Operation operation);
  /// By how many bytes the files grow.
  static std::ptrdiff_t apply(Files& files, const Operation& operation);
  void reach_disk();

  Scheduler& scheduler_;
  std::string owner_;
  DiskOptions options_;
  RandomStream random_;
  DiskFault fault_ = DiskFault::none;
  Files durable_;
  Files visible_;
  std::deque<Operation> unsynced_;
  std::uint64_t performed_ = 0;  // How many operations, ever.
  std::size_t used_ = 0;         // Bytes of what is visible.
};

}  // namespace deimos::testkit
