#include <deimos/testkit/linearizability.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <deimos/internal/assert.h>

namespace deimos::testkit {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;
using Answer = Linearizability::Answer;

/// A value as a small number; 0: the key does not exist.
using State = std::uint32_t;

/// An operation that has to be placed, or (if its outcome is unknown) may be.
struct Candidate {
  const Operation* source = nullptr;
  bool known = false;
  State value = 0;
  State expected = 0;
  std::size_t group = 0;     ///< Of unknown ones: those that do the same.
  std::size_t in_group = 0;  ///< Its place there, by call.
};

/// What was tried: which candidates were placed, the state then, and whether the last one was unknown. Beginnings of
/// the history in which all are placed, and ends in which none is, take no room.
class Memory {
 public:
  explicit Memory(std::size_t candidates) : placed_((candidates + 63) / 64) {}

  void set(std::size_t candidate, bool placed) noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (candidate % 64);
    placed_[candidate / 64] = placed ? placed_[candidate / 64] | bit : placed_[candidate / 64] & ~bit;
  }
  /// Whether this was not known yet.
  bool remember(State state, bool last_unknown) {
    std::size_t begin = 0;
    std::size_t end = placed_.size();
    while (begin < end && ~placed_[begin] == 0) ++begin;
    while (end > begin && placed_[end - 1] == 0) --end;
    const std::uint64_t head[] = {begin, std::uint64_t{state} << 1U | (last_unknown ? 1U : 0U)};
    std::string text(reinterpret_cast<const char*>(head), sizeof head);
    text.append(reinterpret_cast<const char*>(placed_.data() + begin), (end - begin) * sizeof(std::uint64_t));
    const std::size_t size = text.size();
    if (!known_.insert(std::move(text)).second) return false;
    constexpr std::size_t node_overhead = 64;
    bytes_ += size + node_overhead;
    return true;
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::uint64_t> placed_;
  std::unordered_set<std::string> known_;
  std::size_t bytes_ = 0;
};

/// The calls and returns that are not dealt with yet, in order, as a list from which operations are lifted and put
/// back.
class Timeline {
 public:
  static constexpr std::size_t end = 0;

  struct Entry {
    std::size_t candidate = 0;
    bool is_call = false;
    std::size_t previous = end;
    std::size_t next = end;
  };

  explicit Timeline(std::size_t candidates) : calls_(candidates, end), returns_(candidates, end) {}

  void append(std::size_t candidate, bool is_call) {
    const std::size_t at = entries_.size();
    const std::size_t last = entries_.front().previous;
    entries_.push_back({candidate, is_call, last, end});
    entries_[last].next = at;
    entries_.front().previous = at;
    (is_call ? calls_ : returns_)[candidate] = at;
  }
  [[nodiscard]] const Entry& operator[](std::size_t entry) const { return entries_[entry]; }
  [[nodiscard]] std::size_t first() const { return entries_.front().next; }
  [[nodiscard]] std::size_t call_of(std::size_t candidate) const { return calls_[candidate]; }
  void lift(std::size_t candidate) {
    for (const std::size_t entry : {calls_[candidate], returns_[candidate]}) {
      if (entry == end) continue;
      entries_[entries_[entry].previous].next = entries_[entry].next;
      entries_[entries_[entry].next].previous = entries_[entry].previous;
    }
  }
  /// Undoes the last lift().
  void put_back(std::size_t candidate) {
    for (const std::size_t entry : {returns_[candidate], calls_[candidate]}) {
      if (entry == end) continue;
      entries_[entries_[entry].previous].next = entry;
      entries_[entries_[entry].next].previous = entry;
    }
  }

 private:
  std::vector<Entry> entries_{Entry{}};  // The first stands for both ends.
  std::vector<std::size_t> calls_;
  std::vector<std::size_t> returns_;
};

/// The operations of one key, in the order of their calls and returns.
struct KeyHistory {
  std::vector<std::pair<const Operation*, bool>> events;  ///< With whether it is the call.
};

/// The search for one key.
class Search {
 public:
  Search(const KeyHistory& history, const SearchBudget& budget, Linearizability& result)
      : budget_(budget),
        result_(result),
        candidates_(candidates_of(history)),
        timeline_(timeline_of(history)),
        memory_(candidates_.size()) {}

  [[nodiscard]] Answer run() {
    std::size_t entry = timeline_.first();
    while (unplaced_ > 0) {
      if (over_budget()) return Answer::unknown;
      DEIMOS_ASSERT(entry != Timeline::end, "whatever is unplaced and known returns");
      const Timeline::Entry& event = timeline_[entry];
      if (event.is_call) {
        entry = place(event.candidate) ? timeline_.first() : event.next;
        continue;
      }
      note_longest(event.candidate);
      const auto undone = step_back();
      if (!undone) return Answer::violated;
      entry = timeline_[timeline_.call_of(*undone)].next;
    }
    return Answer::linearizable;
  }

 private:
  struct Placed {
    std::size_t candidate;
    State before;
  };

  /// Leaves out what cannot matter: what had no effect, and unknown reads and changes that nobody saw.
  std::vector<Candidate> candidates_of(const KeyHistory& history) {
    std::unordered_map<std::string, State> states;
    const auto state_of = [&](const Operation::Value& value) {
      return value ? states.emplace(*value, static_cast<State>(states.size() + 1)).first->second : State{0};
    };
    std::unordered_set<State> seen;
    std::vector<Candidate> all;
    for (const auto& [operation, is_call] : history.events) {
      if (!is_call || operation->outcome == Outcome::failed) continue;
      Candidate one{.source = operation, .known = operation->outcome == Outcome::ok};
      if (operation->kind == Kind::read && !one.known) continue;
      one.value = state_of(operation->value);
      one.expected = state_of(operation->expected);
      if (operation->kind != Kind::write) seen.insert(operation->kind == Kind::read ? one.value : one.expected);
      all.push_back(one);
    }
    std::erase_if(all, [&](const Candidate& one) { return !one.known && !seen.contains(one.value); });
    std::map<std::tuple<Kind, State, State>, std::size_t> groups;
    for (Candidate& one : all) {
      if (one.known) {
        ++unplaced_;
        continue;
      }
      one.group = groups.emplace(std::tuple(one.source->kind, one.expected, one.value), groups.size()).first->second;
      placed_in_group_.resize(groups.size());
      one.in_group = placed_in_group_[one.group]++;
    }
    std::fill(placed_in_group_.begin(), placed_in_group_.end(), 0);
    return all;
  }

  Timeline timeline_of(const KeyHistory& history) const {
    std::unordered_map<const Operation*, std::size_t> numbers;
    for (std::size_t i = 0; i < candidates_.size(); ++i) numbers.emplace(candidates_[i].source, i);
    Timeline timeline(candidates_.size());
    for (const auto& [operation, is_call] : history.events) {
      const auto number = numbers.find(operation);
      if (number == numbers.end() || (!is_call && !candidates_[number->second].known)) continue;
      timeline.append(number->second, is_call);
    }
    return timeline;
  }

  [[nodiscard]] bool over_budget() {
    constexpr std::uint64_t between_questions = 4096;
    if (++result_.steps > budget_.steps || memory_.bytes() > budget_.memory_bytes) return true;
    return result_.steps % between_questions == 0 && budget_.stop && budget_.stop();
  }

  /// Whether the candidate can come next, and this was not tried before.
  bool place(std::size_t number) {
    const Candidate& one = candidates_[number];
    const bool after_unknown = !order_.empty() && !candidates_[order_.back().candidate].known;
    State after = one.value;
    switch (one.source->kind) {
      case Kind::read:
        if (state_ != one.value) return false;
        break;
      case Kind::compare_and_swap:
        if (state_ != one.expected) return false;
        break;
      case Kind::write:
        // An unknown change that is overwritten unseen need not have happened.
        if (after_unknown) return false;
        break;
    }
    // Of unknown ones that do the same, the one called first serves as well as any.
    if (!one.known && placed_in_group_[one.group] != one.in_group) return false;
    memory_.set(number, true);
    if (!memory_.remember(after, !one.known)) {
      memory_.set(number, false);
      return false;
    }
    order_.push_back({number, state_});
    state_ = after;
    timeline_.lift(number);
    if (one.known) {
      --unplaced_;
    } else {
      ++placed_in_group_[one.group];
    }
    return true;
  }

  /// Takes back the last placement to which there is an alternative: a read that fits changes nothing, so where it was
  /// placed there is no better choice. Nothing if there is none left.
  std::optional<std::size_t> step_back() {
    while (!order_.empty()) {
      const Placed last = order_.back();
      const Candidate& one = candidates_[last.candidate];
      order_.pop_back();
      state_ = last.before;
      timeline_.put_back(last.candidate);
      memory_.set(last.candidate, false);
      if (one.known) {
        ++unplaced_;
      } else {
        --placed_in_group_[one.group];
      }
      if (one.source->kind != Kind::read) return last.candidate;
    }
    return std::nullopt;
  }

  void note_longest(std::size_t stuck) {
    if (noted_ && order_.size() <= result_.longest.size()) return;
    noted_ = true;
    result_.longest.clear();
    for (const Placed& placed : order_) result_.longest.push_back(*candidates_[placed.candidate].source);
    result_.stuck = *candidates_[stuck].source;
  }

  const SearchBudget& budget_;
  Linearizability& result_;
  std::size_t unplaced_ = 0;  // Of those known.
  std::vector<std::size_t> placed_in_group_;
  const std::vector<Candidate> candidates_;
  Timeline timeline_;
  Memory memory_;
  std::vector<Placed> order_;
  State state_ = 0;
  bool noted_ = false;
};

}  // namespace

std::string Linearizability::describe() const {
  switch (answer) {
    case Answer::linearizable: return "linearizable: " + std::to_string(operations) + " operations";
    case Answer::unknown: return "unknown: the budget did not suffice for key " + key;
    case Answer::violated: break;
  }
  constexpr std::size_t shown = 10;
  std::string text = "not linearizable: key " + key + ". An order that explains the beginning:\n";
  if (longest.size() > shown) text += "  (" + std::to_string(longest.size() - shown) + " operations before)\n";
  for (std::size_t i = longest.size() - std::min(longest.size(), shown); i < longest.size(); ++i) {
    text += "  " + longest[i].describe() + "\n";
  }
  return text + "then no order has a place for\n  " + stuck.describe();
}

Linearizability check_linearizability(const OperationHistory& history, const SearchBudget& budget) {
  std::map<std::string, KeyHistory> keys;
  std::vector<bool> called(history.operations().size(), false);
  for (const OperationHistory::Id id : history.events()) {
    const Operation& operation = history.operations()[id];
    keys[operation.key].events.emplace_back(&operation, !called[id]);
    called[id] = true;
  }
  Linearizability result;
  result.operations = history.operations().size();
  std::string too_many;
  for (const auto& [key, of_key] : keys) {
    result.longest.clear();
    result.stuck = {};
    result.key = key;
    const Answer answer = Search(of_key, budget, result).run();
    if (answer == Answer::violated) {
      result.answer = answer;
      return result;
    }
    if (answer == Answer::unknown && too_many.empty()) too_many = key.empty() ? "\"\"" : key;
  }
  result.longest.clear();
  result.stuck = {};
  result.key = too_many;
  if (!too_many.empty()) result.answer = Answer::unknown;
  return result;
}

}  // namespace deimos::testkit
