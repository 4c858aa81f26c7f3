#include "store/store_exercise.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/model_store.h"

namespace deimos::fake {
namespace {

using Kind = Command::Kind;

/// Bytes, and zeros once they are used up.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }
  unsigned next() noexcept {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return byte;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// A key of no more than three segments, out of few: so that keys meet.
std::string key_of(unsigned byte) {
  static constexpr std::string_view names[] = {"a", "b", "_h", "4"};
  std::string key;
  for (unsigned depth = byte & 3U; depth > 0; --depth) {
    byte >>= 2U;
    key.append(1, '/').append(names[byte & 3U]);
  }
  return key.empty() ? "/" : key;
}

std::string value_of(unsigned byte) { return std::string(byte & 1U, 'x') + std::string((byte >> 1U) & 1U, 'y'); }

using Told = std::pair<std::uint64_t, WatcherId>;  // The event's index, and who was told.

class Audience final : public EventSink {
 public:
  bool deliver(WatcherId watcher, const Event& event) override {
    told.emplace_back(event.index, watcher);
    text += describe(event) + "\n";
    return !refuses.contains(watcher);
  }
  std::vector<Told> told;
  std::string text;
  std::set<WatcherId> refuses;
};

class Exercise {
 public:
  explicit Exercise(std::span<const std::uint8_t> program)
      : bytes_(program), capacity_(1 + bytes_.next() % 16), store_(capacity_) {}

  std::string run() {
    for (int step = 0; problem_.empty() && !bytes_.empty(); ++step) {
      const unsigned what = bytes_.next();
      now_ += std::chrono::milliseconds(500 * (what >> 6U));
      perform(what % 16);
      compare_figures();
      if (step % 32 == 31 || bytes_.empty()) {
        compare_keys();
        compare_history();
      }
    }
    return problem_.empty() ? "" : log_ + problem_;
  }

 private:
  void perform(unsigned what) {
    if (what < 10) {
      // Setting is twice as likely.
      apply(command(what < 9 ? static_cast<Kind>(what) : Kind::set));
    } else if (what < 13) {
      watch();
    } else if (what == 13) {
      const WatcherId watcher = bytes_.next() % 8;
      log_ += "unwatch " + std::to_string(watcher) + "\n";
      store_.unwatch(watcher);
      watches_.erase(watcher);
    } else if (what == 14) {
      // A copy is as good as the original.
      log_ += "copy\n";
      const Store copy = store_;
      store_ = Store(1);
      store_ = copy;
    } else if (const unsigned fault = bytes_.next() % 8; fault == 0) {
      log_ += "wipe history\n";
      store_.wipe_history();
      first_kept_ = store_.index() + 1;
    } else if (fault == 1) {
      log_ += "forget watchers\n";
      store_.forget_watchers();
      watches_.clear();
    } else {
      audience_.refuses.insert(bytes_.next() % 8);  // These are too slow from now on.
    }
  }

  Command command(Kind kind) {
    Command made;
    made.kind = kind;
    made.sweep_until = now_;
    if (kind == Kind::sweep) return made;
    made.key = key_of(bytes_.next());
    const unsigned flags = bytes_.next();
    made.value = value_of(flags);
    made.directory = (flags & 4U) != 0;
    made.recursive = (flags & 8U) != 0;
    if ((flags & 16U) != 0) made.expiration = now_ + std::chrono::seconds(flags >> 6U);
    if (kind == Kind::compare_and_swap || kind == Kind::compare_and_delete) {
      made.previous_value = value_of(flags >> 5U);
      if (const auto found = model_.entries().find(made.key); (flags & 128U) != 0 && found != model_.entries().end()) {
        made.previous_index = found->second.modified + (flags & 1U);
      }
    }
    return made;
  }

  void apply(const Command& command) {
    log_ += describe(command) + "\n";
    const std::uint64_t before = model_.index();
    audience_.told.clear();
    audience_.text.clear();
    const auto expected = model_.apply(command, now_);
    const auto actual = store_.apply(command, now_, audience_);
    if (expected.has_value() != actual.has_value()) {
      return differ("outcome", expected ? "an event" : expected.error().cause,
                    actual ? "an event" : actual.error().cause);
    }
    if (!expected) return compare_errors(expected.error(), actual.error());
    if (*actual != nullptr) differ("event", describe(expected->front()), describe(**actual));
    compare_told(before);
  }

  void compare_errors(const StoreError& expected, const StoreError& actual) {
    differ("error", std::to_string(static_cast<int>(expected.code)), std::to_string(static_cast<int>(actual.code)));
    differ("cause", expected.cause, actual.cause);
    differ("error index", std::to_string(expected.index), std::to_string(actual.index));
  }

  /// Every watcher was told of every event since index `before` that is its business, and of no other.
  void compare_told(std::uint64_t before) {
    std::vector<Told> expected;
    for (std::uint64_t at = before; at < model_.index(); ++at) {
      const Event& event = model_.events()[at];
      std::erase_if(watches_, [&](const auto& each) {
        if (event.index < each.second.since || !model_covers(each.second, event)) return false;
        expected.emplace_back(event.index, each.first);
        return !each.second.stream || audience_.refuses.contains(each.first);
      });
    }
    std::sort(expected.begin(), expected.end());
    std::sort(audience_.told.begin(), audience_.told.end());
    differ("told", text_of(expected), text_of(audience_.told));
  }

  void watch() {
    Watch wanted{key_of(bytes_.next()), false, false, 0};
    const unsigned flags = bytes_.next();
    wanted.recursive = (flags & 1U) != 0;
    wanted.stream = (flags & 2U) != 0;
    wanted.since = store_.index() + 1 + (flags >> 6U);
    log_ += "watch " + wanted.key + (wanted.recursive ? " recursive" : "") + (wanted.stream ? " stream" : "") +
            " since " + std::to_string(wanted.since) + "\n";
    const auto past = store_.past(wanted);
    if (!past || past->event != nullptr) differ("the future", "nothing", "something");
    watches_.emplace(store_.watch(wanted), wanted);
  }

  void compare_figures() {
    differ("index", std::to_string(model_.index()), std::to_string(store_.index()));
    differ("size", std::to_string(model_.entries().size()), std::to_string(store_.size()));
    differ("watchers", std::to_string(watches_.size()), std::to_string(store_.watchers()));
    differ("next expiry", std::to_string(model_.next_expiration().time_since_epoch().count()),
           std::to_string(store_.next_expiration().time_since_epoch().count()));
    first_kept_ = std::max(first_kept_, model_.index() < capacity_ ? 1 : model_.index() - capacity_ + 1);
  }

  void compare_keys() {
    static const std::set<std::string> keys = [] {
      std::set<std::string> all;
      for (unsigned byte = 0; byte < 256; ++byte) all.insert(key_of(byte));
      return all;
    }();
    for (const std::string& key : keys) {
      const auto missing = model_.missing(key);
      const auto found = store_.get(key, true, true);
      if (missing.has_value() == found.has_value()) return differ("found " + key, "the contrary", "this");
      if (missing) {
        compare_errors(*missing, found.error());
        continue;
      }
      const ModelStore::Entry& expected = model_.entries().at(key);
      const Tree::Entry& actual = *found->entry;
      const bool same = expected.directory == actual.directory && expected.value == actual.value &&
                        expected.expiration == actual.expiration && expected.created == actual.created_index &&
                        expected.modified == actual.modified_index;
      if (!same && key != "/") differ("entry " + key, "the model's", "another");
      if (!actual.directory) continue;
      for (const bool recursive : {false, true}) {
        differ("listing of " + key, text_of(model_.listed(key, recursive)), listed(key, recursive, true));
        differ("unsorted listing of " + key, text_of(model_.listed(key, recursive)), listed(key, recursive, false));
      }
    }
  }

  /// The keys that a GET lists, in the model's order.
  std::string listed(const std::string& key, bool recursive, bool sorted) {
    const auto listing = store_.get(key, recursive, sorted);
    std::vector<std::string> keys;
    std::string path = key == "/" ? "" : key;
    std::vector<std::size_t> lengths{path.size()};
    std::string previous_name;
    for (const Listing::Item& item : listing->below) {
      lengths.resize(item.depth);
      path.resize(lengths.back());
      path += "/" + item.entry->name;
      lengths.push_back(path.size());
      keys.push_back(path);
    }
    if (sorted) check_sorted(listing->below);
    std::sort(keys.begin(), keys.end());
    return text_of(keys);
  }

  void check_sorted(const std::vector<Listing::Item>& items) {
    std::map<std::size_t, std::string> last;  // By depth, the name before.
    for (const Listing::Item& item : items) {
      last.erase(last.upper_bound(item.depth), last.end());
      if (last.contains(item.depth) && last[item.depth] >= item.entry->name) differ("order", "sorted", "unsorted");
      last[item.depth] = item.entry->name;
    }
  }

  void compare_history() {
    for (const bool recursive : {false, true}) {
      for (const char* key : {"/", "/a", "/a/b", "/_h", "/a/_h/b"}) {
        for (std::uint64_t since = 1; since <= model_.index() + 1; ++since)
          compare_resumed({key, recursive, true, since});
      }
    }
  }

  void compare_resumed(Watch watch) {
    if (watch.since < first_kept_ && watch.since <= model_.index()) {
      const auto past = store_.past(watch);
      if (past) return differ("past of " + std::to_string(watch.since), "error 401", "no error");
      compare_errors({errc::history_cleared,
                      "the requested history has been cleared [" + std::to_string(first_kept_) + "/" +
                          std::to_string(watch.since) + "]",
                      model_.index()},
                     past.error());
      return;
    }
    std::string expected;
    for (std::uint64_t at = watch.since - 1; at < model_.index(); ++at) {
      if (!model_covers_past(watch, model_.events()[at])) continue;
      expected += told(model_.events()[at], model_expiration(model_.events(), at));
    }
    std::string actual;
    for (auto past = store_.past(watch); past && past->event != nullptr; past = store_.past(watch)) {
      actual += told(*past->event, past->expiration);
      watch.since = past->event->index + 1;
    }
    differ("resumed at " + watch.key, expected, actual);
  }

  static std::string told(const Event& event, const std::optional<Instant>& expiration) {
    const std::string until = expiration ? std::to_string(expiration->time_since_epoch().count()) : "never";
    return describe(event) + " until " + until + "\n";
  }
  static std::string text_of(const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) text += key + " ";
    return text;
  }
  static std::string text_of(const std::vector<Told>& told) {
    std::string text;
    for (const auto& [index, watcher] : told) text += std::to_string(watcher) + " of " + std::to_string(index) + ", ";
    return text;
  }

  void differ(const std::string& what, const std::string& expected, const std::string& actual) {
    if (expected != actual && problem_.empty()) problem_ = what + ": expected " + expected + "\ngot " + actual + "\n";
  }

  Bytes bytes_;
  std::size_t capacity_;
  Store store_;
  ModelStore model_;
  Audience audience_;
  std::map<WatcherId, Watch> watches_;
  std::uint64_t first_kept_ = 1;
  Instant now_ = ManualClock::epoch;
  std::string log_;
  std::string problem_;
};

}  // namespace

std::string exercise_store(std::span<const std::uint8_t> program) { return Exercise(program).run(); }

}  // namespace deimos::fake
