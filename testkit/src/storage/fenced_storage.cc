#include <deimos/testkit/fenced_storage.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <deimos/fencing_guard.h>
#include <deimos/testkit/history.h>

namespace deimos::testkit {

struct FencedStorage::State {
  Scheduler& scheduler;
  std::string name;
  FencedStorageOptions options;
  std::vector<StorageWrite> writes;

  void decide(std::size_t write, StorageWrite::Outcome outcome);
};

void FencedStorage::State::decide(std::size_t index, StorageWrite::Outcome outcome) {
  StorageWrite& write = writes[index];
  write.at = scheduler.elapsed();
  write.outcome = outcome;
  scheduler.history().record(write.at, "storage", name, describe(write));
}

namespace {

constexpr std::size_t longest_key = 200;
constexpr std::string_view file_of_token = "token";
constexpr std::string_view file_to_come = "new";
constexpr std::string_view file_of_key = "key ";

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > longest_key) return false;
  for (const char c : key) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return false;
  }
  return true;
}

/// Takes a number and the character after it off the front of `text`.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end == text.data() + text.size()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return number;
}

/// `write 17 KEY`, a line's end, and the value; `read 17 KEY`.
struct StorageRequest {
  bool is_write = false;
  std::uint64_t fencing_token = 0;
  std::string key;
  std::string value;

  static std::optional<StorageRequest> parse(std::string_view text) {
    StorageRequest request;
    request.is_write = text.starts_with("write ");
    if (!request.is_write && !text.starts_with("read ")) return std::nullopt;
    text.remove_prefix(text.find(' ') + 1);
    const auto token = take_number(text);
    if (!token) return std::nullopt;
    request.fencing_token = *token;
    const std::size_t end = text.find('\n');
    request.key = text.substr(0, end);
    if (end != std::string_view::npos) request.value = text.substr(end + 1);
    return is_key(request.key) ? std::optional(std::move(request)) : std::nullopt;
  }
  [[nodiscard]] std::string text() const {
    return (is_write ? "write " : "read ") + std::to_string(fencing_token) + " " + key + (is_write ? "\n" + value : "");
  }
};

/// A key as it is kept: `TOKEN NUMBER VALUE`, with the number of the write in the storage's history.
struct Entry {
  std::uint64_t fencing_token = 0;
  std::size_t write = 0;
  std::string value;

  static std::optional<Entry> parse(std::string_view text) {
    const auto token = take_number(text);
    if (!token) return std::nullopt;
    const auto write = take_number(text);
    if (!write) return std::nullopt;
    return Entry{*token, static_cast<std::size_t>(*write), std::string(text)};
  }
  [[nodiscard]] std::string text() const {
    return std::to_string(fencing_token) + " " + std::to_string(write) + " " + value;
  }
};

/// Lets one in after the other.
class Door {
 public:
  explicit Door(Runtime& runtime) : signal_(runtime.make_signal()) {}

  class Inside {
   public:
    explicit Inside(Door& door) : door_(door) {
      while (door_.taken_) door_.signal_->wait(door_.signal_->epoch(), TimePoint::max());
      door_.taken_ = true;
    }
    ~Inside() {
      door_.taken_ = false;
      door_.signal_->notify();
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Door& door_;
  };

 private:
  std::unique_ptr<Signal> signal_;
  bool taken_ = false;
};

/// One life of the storage.
class StorageLife {
 public:
  StorageLife(FencedStorage::State& storage, Process& process)
      : storage_(storage), disk_(process.disk()), door_(process.runtime()) {}

  /// Reads what earlier lives left on the disk; waits until that can be read.
  void recover(Process& process);
  Result<std::string> answer(const ServiceCall& call);

 private:
  Result<void> admit(std::uint64_t token);
  Result<std::string> write(const ServiceCall& call, StorageRequest request);
  Result<std::string> read(const StorageRequest& request);
  /// In one step that a crash cannot tear, if it is to be synced. `applied`: it is done but for the last sync.
  Result<void> keep(const std::string& file, const std::string& content, bool& applied);

  FencedStorage::State& storage_;
  Disk& disk_;
  Door door_;
  FencingGuard guard_;
  std::map<std::string, Entry> entries_;
};

void StorageLife::recover(Process& process) {
  auto names = disk_.list(file_of_key);
  for (; !names; names = disk_.list(file_of_key)) process.sleep(std::chrono::milliseconds(100));
  std::uint64_t highest = 0;
  if (const auto kept = disk_.read(file_of_token)) {
    std::string_view text = *kept;
    highest = take_number(text).value_or(0);
  }
  for (const std::string& name : *names) {
    const auto content = disk_.read(name);
    auto entry = content ? Entry::parse(*content) : std::nullopt;
    if (!entry) continue;  // Torn.
    highest = std::max(highest, entry->fencing_token);
    entries_.emplace(name.substr(file_of_key.size()), *std::move(entry));
  }
  static_cast<void>(guard_.admit(highest));
  for (std::size_t i = 0; i < storage_.writes.size(); ++i) {
    using Outcome = StorageWrite::Outcome;
    const StorageWrite& write = storage_.writes[i];
    const auto entry = entries_.find(write.key);
    const bool is_there = entry != entries_.end() && entry->second.write >= i;
    if (write.outcome == Outcome::begun) storage_.decide(i, is_there ? Outcome::applied : Outcome::failed);
    if (write.outcome == Outcome::applied && !is_there) storage_.decide(i, Outcome::lost);
  }
}

Result<std::string> StorageLife::answer(const ServiceCall& call) {
  auto request = StorageRequest::parse(call.request);
  if (!request) return fail(errc::invalid_argument, "not a request to a storage");
  const Door::Inside inside(door_);
  return request->is_write ? write(call, *std::move(request)) : read(*request);
}

Result<void> StorageLife::admit(std::uint64_t token) {
  return storage_.options.fencing ? guard_.check(token) : Result<void>();
}

Result<std::string> StorageLife::write(const ServiceCall& call, StorageRequest request) {
  using Outcome = StorageWrite::Outcome;
  const std::size_t index = storage_.writes.size();
  storage_.writes.push_back({{}, call.from, request.key, request.value, request.fencing_token});
  if (auto admitted = admit(request.fencing_token); !admitted) {
    storage_.decide(index, Outcome::refused);
    return tl::unexpected<Error>(std::move(admitted.error()));
  }
  Entry entry{request.fencing_token, index, std::move(request.value)};
  bool applied = false;
  auto kept = keep(std::string(file_of_key) + request.key, entry.text(), applied);
  storage_.decide(index, applied ? Outcome::applied : Outcome::failed);
  if (applied) entries_.insert_or_assign(request.key, std::move(entry));
  if (kept) return std::string();
  return applied ? fail(errc::outcome_unknown, "written, but not synced: " + kept.error().describe())
                 : tl::unexpected<Error>(std::move(kept.error()));
}

Result<std::string> StorageLife::read(const StorageRequest& request) {
  const std::uint64_t before = guard_.highest();
  if (auto admitted = admit(request.fencing_token); !admitted)
    return tl::unexpected<Error>(std::move(admitted.error()));
  if (guard_.highest() > before) {
    bool applied = false;
    auto kept = keep(std::string(file_of_token), std::to_string(guard_.highest()) + " ", applied);
    if (!kept) return tl::unexpected<Error>(std::move(kept.error()));
  }
  const auto entry = entries_.find(request.key);
  if (entry == entries_.end()) return fail(errc::key_not_found, "nothing was written to " + request.key);
  return entry->second.value;
}

Result<void> StorageLife::keep(const std::string& file, const std::string& content, bool& applied) {
  const auto synced = [this] { return storage_.options.sync ? disk_.sync() : Result<void>(); };
  auto done = disk_.write(file_to_come, content);
  if (done) done = synced();
  if (done) done = disk_.rename(file_to_come, file);
  applied = done.has_value();
  if (done) done = synced();
  return done;
}

}  // namespace

FencedStorage::FencedStorage(Simulation& simulation, const std::string& name, const FencedStorageOptions& options)
    : state_(std::make_shared<State>(State{simulation.scheduler(), name, options, {}})) {
  simulation.spawn(
      name,
      [state = state_](Process& process) {
        StorageLife life(*state, process);
        life.recover(process);
        const Service service =
            process.serve(state->name, [&life](const ServiceCall& call) { return life.answer(call); });
        process.stand_by();
      },
      options.process);
}

FencedStorage::~FencedStorage() = default;

const std::string& FencedStorage::name() const noexcept { return state_->name; }

Result<void> FencedStorage::write(Process& process, const std::string& key, const std::string& value,
                                  std::uint64_t fencing_token, Duration timeout) const {
  if (!is_key(key)) return fail(errc::invalid_key, "not a key of a storage: '" + key + "'");
  auto answer = process.call(name(), StorageRequest{true, fencing_token, key, value}.text(), timeout);
  if (!answer) return tl::unexpected<Error>(std::move(answer.error()));
  return {};
}

Result<std::string> FencedStorage::read(Process& process, const std::string& key, std::uint64_t fencing_token,
                                        Duration timeout) const {
  if (!is_key(key)) return fail(errc::invalid_key, "not a key of a storage: '" + key + "'");
  return process.call(name(), StorageRequest{false, fencing_token, key, {}}.text(), timeout);
}

const std::vector<StorageWrite>& FencedStorage::history() const noexcept { return state_->writes; }

std::string describe(const StorageWrite& write) {
  constexpr std::string_view outcomes[] = {"begun", "applied", "refused", "failed", "lost"};
  std::string text = describe_time(write.at) + "  " + write.process + " writes " + write.key + ", token ";
  text.append(std::to_string(write.fencing_token)).append(": ");
  return text.append(outcomes[static_cast<std::size_t>(write.outcome)]);
}

}  // namespace deimos::testkit
