// A fair lock that is right, and can be broken: who wants it takes a place in a queue, keeps that alive, and has the
// lock when nobody is before it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <deimos/deimos_backend.h>
#include <deimos/testkit/lock_client.h>
#include <deimos/testkit/process.h>

#include "mutants/flaw.h"

namespace deimos::testkit::mutants {

class QueueLocks final : public LockClient {
 public:
  struct Place {
    std::string queue;
    LockRecord record;
    TimePoint deadline;
    int holds = 0;
    bool is_granted = false;
    bool is_over = false;
    std::stop_source lost;
    std::function<void(const Error&)> on_lost;
    Task* keeper = nullptr;  ///< Kept by QueueLocks until it is closed.
  };
  using Owner = std::tuple<std::string, bool, std::uint64_t>;

  QueueLocks(Process& process, LockOptions options, Flaws flaws);
  ~QueueLocks() override;

  Result<std::unique_ptr<HeldLock>> acquire(const std::string& name, const AcquireOptions& options,
                                            std::stop_token stop) override;
  void close() noexcept override;
  [[nodiscard]] bool believes(const Place& place) const;
  Result<Release> release(const std::shared_ptr<Place>& place);

 private:
  struct Attempt {
    std::string queue;
    TimePoint began;
    Deadline until;
    bool once;
    std::shared_ptr<Place> place;
  };
  [[nodiscard]] bool has(Flaw flaw) const { return flaws_[flaw]; }
  [[nodiscard]] Runtime& runtime() const { return process_.runtime(); }
  [[nodiscard]] Duration usable() const;
  [[nodiscard]] Deadline step_deadline(const Deadline& until) const;
  [[nodiscard]] Result<void> line_up(Attempt& attempt);
  [[nodiscard]] std::optional<LockRecord> find(const std::string& queue, const std::string& token,
                                               const Deadline& until);
  [[nodiscard]] Result<LockRecord> enqueue(const Attempt& attempt, const std::string& token);
  [[nodiscard]] Result<void> wait_for_turn(Attempt& attempt);
  /// Whether it is its turn after waiting for whoever is before it.
  [[nodiscard]] bool listen(const Attempt& attempt, const Listing& listing, const LockRecord& before);
  /// Its place is not in the queue any more: whether it has the lock all the same.
  [[nodiscard]] Result<bool> without_place(Attempt& attempt, const Listing& listing);
  void pause(const Attempt& attempt);
  void keep(const std::shared_ptr<Place>& place);
  void keep_alive(Place& place, const std::stop_token& stop);
  void lose(Place& place, const Error& why);
  void leave(const std::shared_ptr<Place>& place);
  void clean_later(const std::string& queue, const std::string& token);

  Process& process_;
  LockOptions options_;
  const Flaws flaws_;
  DeimosBackend store_;
  std::map<Owner, std::shared_ptr<Place>> current_;
  std::vector<std::unique_ptr<Task>> tasks_;
  bool closed_ = false;
};

}  // namespace deimos::testkit::mutants
