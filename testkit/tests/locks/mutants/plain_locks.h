// A small lock client that is right: the ground from which mutants that break a client's state machine differ in one
// step. One task renews each acquisition, and one cleans up after each that may have left something.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <deimos/deimos_backend.h>
#include <deimos/lock_backend.h>
#include <deimos/testkit/lock_client.h>
#include <deimos/testkit/process.h>

namespace deimos::testkit::mutants {

class PlainLocks : public LockClient {
 public:
  /// One grant of one lock to one owner.
  struct Acquisition {
    std::string key;
    std::string token;
    std::uint64_t fencing_token = 0;
    std::uint64_t revision = 0;  ///< Of the record; 0: to be read.
    TimePoint deadline;
    int holds = 0;
    bool is_lost = false;
    bool is_released = false;
    std::stop_source lost;
    std::function<void(const Error&)> on_lost;
    Task* renewal = nullptr;  ///< Kept by PlainLocks until it is closed.
  };
  using Owner = std::tuple<std::string, bool, std::uint64_t>;  ///< The lock's name; whether named, and who.

  PlainLocks(Process& process, LockOptions options);
  ~PlainLocks() override;

  Result<std::unique_ptr<HeldLock>> acquire(const std::string& name, const AcquireOptions& options,
                                            std::stop_token stop) override;
  void close() noexcept override;
  Result<Release> release(const Owner& owner, const std::shared_ptr<Acquisition>& acquisition);

  // Where mutants differ.

  [[nodiscard]] virtual TimePoint deadline_from(TimePoint sent, TimePoint answered) const;
  [[nodiscard]] virtual bool believes(const Acquisition& acquisition) const;
  [[nodiscard]] virtual bool may_reenter(const Acquisition& acquisition) const { return believes(acquisition); }
  [[nodiscard]] virtual bool goes_on_renewing_after(const Error& /*failure*/) const { return true; }
  [[nodiscard]] virtual bool gives_up_at_deadline() const { return true; }
  [[nodiscard]] virtual bool frees(const Acquisition& acquisition) const { return acquisition.holds == 0; }
  [[nodiscard]] virtual bool cleans_up() const { return true; }
  virtual void tell(Acquisition& acquisition, const Error& why) const;
  /// Of a hold that was just granted, the first of an acquisition or a further one.
  [[nodiscard]] virtual std::uint64_t token_of(const Acquisition& acquisition) const {
    return acquisition.fencing_token;
  }
  /// What a release by `owner` of a hold on `own` counts for.
  [[nodiscard]] virtual std::shared_ptr<Acquisition> counted(const Owner& /*owner*/,
                                                             const std::shared_ptr<Acquisition>& own) const {
    return own;
  }

 protected:
  [[nodiscard]] Runtime& runtime() const { return process_.runtime(); }
  std::map<Owner, std::shared_ptr<Acquisition>> current_;

 private:
  struct Attempt {
    std::string key;
    std::string token;
    TimePoint until;
    std::stop_token stop;
    bool once;
    bool unclear = false;
    TimePoint sent = {};
  };
  [[nodiscard]] Result<std::uint64_t> contend(Attempt& attempt);
  /// The token of an unclear create that was applied, else 0.
  [[nodiscard]] std::uint64_t resolve(Attempt& attempt, const Error& error);
  [[nodiscard]] Result<void> wait_for_turn(Attempt& attempt);
  void pause(const Attempt& attempt);
  /// Reads `revision` first if it is 0; it is that of the renewal afterwards, or 0 again.
  [[nodiscard]] Result<Granted> renew(const std::string& key, const std::string& token, std::uint64_t& revision,
                                      const Deadline& until);
  [[nodiscard]] Deadline step_deadline(TimePoint until, std::stop_token stop = {}) const;
  [[nodiscard]] Duration usable() const;
  [[nodiscard]] std::chrono::seconds ttl() const { return std::chrono::ceil<std::chrono::seconds>(options_.ttl); }
  void renew_while_held(const std::shared_ptr<Acquisition>& acquisition, const std::stop_token& stop);
  void lose(Acquisition& acquisition, const Error& why);
  void clean_later(const std::string& key, const std::string& token);

  Process& process_;
  LockOptions options_;
  DeimosBackend backend_;
  std::vector<std::unique_ptr<Task>> tasks_;
  bool closed_ = false;
};

}  // namespace deimos::testkit::mutants
