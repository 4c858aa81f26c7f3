// A storage of its own in the simulation, whose writers bring the fencing tokens of the lock that they hold.
//
// The classic failure of locks with leases: a holder stands still, or its write is long under way; its lease ends,
// another gets the lock and writes; then the old write arrives and destroys what the new holder wrote. No lock can
// prevent it. The storage can: it remembers the highest token and refuses lower ones. Here that can be switched off, to
// see the failure.
//
//     FencedStorage storage(simulation);                     // The process "storage".
//     …
//     storage.write(process, "report", text, hold.fencing_token());     // In a process.
//     …
//     EXPECT_TRUE(no_late_write(storage.history())) << no_late_write(storage.history()).what();
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <deimos/error.h>
#include <deimos/internal/export.h>
#include <deimos/runtime.h>
#include <deimos/testkit/simulation.h>
#include <deimos/testkit/verdict.h>

namespace deimos::testkit {

struct LockHistory;

struct FencedStorageOptions {
  bool fencing = true;  ///< Off: takes every write, as most storages do.
  bool sync = true;     ///< Before a write counts. Off: a crash may forget writes, and the highest token with them.
  ProcessOptions process = {};
};

/// A write as it reached the storage, in the order of arrival; twice if the network doubled it.
struct StorageWrite {
  enum class Outcome {
    begun,    ///< On its way to the disk.
    applied,  ///< Readers see it.
    refused,  ///< Its token is of the past.
    failed,   ///< The disk could not take it, or the storage crashed before it counted.
    lost,     ///< Was applied; forgotten by a crash, because it was not synced.
  };
  Duration at = {};  ///< When its fate was decided: true time since the start.
  std::string process;
  std::string key;
  std::string value;
  std::uint64_t fencing_token = 0;
  Outcome outcome = Outcome::begun;
};

/// The process `name` serves the service `name`. It does one write after another, keeps everything on its disk, and
/// begins from there when it is restarted. Keys are one to 200 bytes without control characters; values are any bytes,
/// up to DiskOptions::largest_file.
///
/// The members for processes go over the network as Process::call() does, with its errors: a write that ends with
/// errc::outcome_unknown may be applied yet, which is what fencing is about. Must not outlive the simulation.
class DEIMOS_EXPORT FencedStorage {
 public:
  /// Starts the process. Throws as Simulation::spawn().
  explicit FencedStorage(Simulation& simulation, const std::string& name = "storage",
                         const FencedStorageOptions& options = {});
  ~FencedStorage();
  FencedStorage(const FencedStorage&) = delete;
  FencedStorage& operator=(const FencedStorage&) = delete;

  [[nodiscard]] const std::string& name() const noexcept;
  /// errc::lock_not_held: refused, the token is of the past. Errors of the disk come as they are (see Disk::write()):
  /// nothing was written.
  Result<void> write(Process& process, const std::string& key, const std::string& value, std::uint64_t fencing_token,
                     Duration timeout = std::chrono::seconds(2)) const;
  /// Reads, and shows the token: writes with lower ones are refused from now on. For holders that read before they
  /// write. errc::key_not_found; errc::lock_not_held.
  Result<std::string> read(Process& process, const std::string& key, std::uint64_t fencing_token,
                           Duration timeout = std::chrono::seconds(2)) const;

  /// All writes so far.
  [[nodiscard]] const std::vector<StorageWrite>& history() const noexcept;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

/// No write was applied with a token lower than one that was applied before it.
[[nodiscard]] DEIMOS_EXPORT Verdict no_late_write(const std::vector<StorageWrite>& writes);

/// The same, and none with a token lower than that of somebody who had been granted `lock` before. Fencing alone does
/// not give this: an old write gets through until the new holder has come to the storage. It destroys nothing then, but
/// a holder went on after its end.
[[nodiscard]] DEIMOS_EXPORT Verdict no_late_write(const std::vector<StorageWrite>& writes, const LockHistory& locks,
                                                  const std::string& lock);

/// `+1.250000000s  worker writes report, token 17: applied`
[[nodiscard]] DEIMOS_EXPORT std::string describe(const StorageWrite& write);

}  // namespace deimos::testkit
