#include "journal/request_journal.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "journal/journal_match.h"

namespace deimos::fake {
namespace {

constexpr std::size_t most_shown = 5;

/// As much of `text` as is kept.
std::string kept(std::string_view text, std::size_t& left_out, std::size_t most = journal_text_bytes) {
  left_out += text.size() - std::min(text.size(), most);
  return std::string(text.substr(0, most));
}

std::string times_text(std::uint64_t n) { return std::to_string(n) + (n == 1 ? " request" : " requests"); }

std::string expected(const Times& times) {
  if (times.at_least == times.at_most) return "exactly " + times_text(times.at_least);
  if (times.at_most == Times{}.at_most) return "at least " + times_text(times.at_least);
  if (times.at_least == 0) return "at most " + times_text(times.at_most);
  return "from " + std::to_string(times.at_least) + " to " + times_text(times.at_most);
}

}  // namespace

std::shared_ptr<JournalEntry> RequestJournal::begin(const SeenRequest& seen, Instant now, std::uint64_t connection) {
  auto entry = std::make_shared<JournalEntry>();
  const std::string_view target = seen.request.target;
  entry->id = ++last_;
  entry->at = now;
  entry->node = seen.node;
  entry->connection = connection;
  entry->client = kept(seen.client, entry->left_out);
  entry->method = kept(seen.method, entry->left_out);
  if (seen.has_key()) entry->key = kept(seen.target.path, entry->left_out, journal_key_bytes);
  const std::size_t mark = std::min(target.find('?'), target.size());
  entry->path = kept(target.substr(0, mark), entry->left_out);
  entry->query = kept(target.substr(std::min(mark + 1, target.size())), entry->left_out);
  entry->form = kept(seen.request.body, entry->left_out);
  if (capacity_ == 0) return entry;
  if (entries_.size() == capacity_) entries_.pop_front();
  entries_.push_back(entry);
  return entry;
}

void RequestJournal::completed(JournalEntry& entry, JournalEntry::Outcome outcome, Instant now) const {
  entry.outcome = outcome;
  entry.duration = now - entry.at;
  entry.lost = entry.lost || outcome != JournalEntry::Outcome::answered;
  if (observer_) observer_(entry);
}

void RequestJournal::clear() noexcept {
  entries_.clear();
  cleared_ = last_;
}

void RequestJournal::reset() noexcept {
  entries_.clear();
  last_ = cleared_ = 0;
}

std::uint64_t RequestJournal::forgotten_since(std::uint64_t since) const noexcept {
  const std::uint64_t first_kept = last_ - entries_.size() + 1;
  const std::uint64_t first_wanted = std::max(since, cleared_) + 1;
  return first_kept > first_wanted ? first_kept - first_wanted : 0;
}

std::vector<const JournalEntry*> RequestJournal::matching(const JournalFilter& filter) const {
  std::vector<const JournalEntry*> found;
  const JournalMatch match(filter);
  for (const auto& entry : entries_) {
    if (match.matches(*entry)) found.push_back(entry.get());
  }
  return found;
}

std::uint64_t RequestJournal::count(const JournalFilter& filter) const { return matching(filter).size(); }

Journal RequestJournal::find(const JournalFilter& filter, std::size_t limit) const {
  const std::vector<const JournalEntry*> found = matching(filter);
  Journal journal;
  journal.last = last_;
  journal.forgotten = forgotten_since(filter.since);
  for (const JournalEntry* entry : found) {
    if (journal.entries.size() == limit) break;
    journal.entries.push_back(*entry);
  }
  journal.more = found.size() - journal.entries.size();
  return journal;
}

/// Those that differ in the fewest ways, of these the latest first.
std::vector<const JournalEntry*> RequestJournal::nearest(const JournalFilter& filter) const {
  const JournalMatch match(filter);
  std::vector<std::pair<std::size_t, const JournalEntry*>> ranked;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    const auto differences = match.differences(**entry);
    if ((*entry)->id > filter.since) ranked.emplace_back(differences.size(), entry->get());
  }
  const auto shown = static_cast<std::ptrdiff_t>(std::min(most_shown, ranked.size()));
  std::partial_sort(ranked.begin(), ranked.begin() + shown, ranked.end(), [](const auto& one, const auto& other) {
    return one.first != other.first ? one.first < other.first : one.second->id > other.second->id;
  });
  std::vector<const JournalEntry*> found;
  for (auto at = ranked.begin(); at != ranked.begin() + shown; ++at) found.push_back(at->second);
  return found;
}

JournalVerdict RequestJournal::verify(const JournalFilter& filter, const Times& times) const {
  const std::vector<const JournalEntry*> found = matching(filter);
  const std::uint64_t forgotten = forgotten_since(filter.since);
  JournalVerdict verdict;
  verdict.count = found.size();
  // What was forgotten may have matched.
  const bool too_few = verdict.count < times.at_least;
  const bool too_many = verdict.count > times.at_most;
  const bool unclear = forgotten != 0 && times.at_most != Times{}.at_most;
  verdict.holds = !too_few && !too_many && !unclear;
  verdict.text = "expected " + expected(times) + ": " + describe(filter) + "; there " +
                 (verdict.count == 1 ? "was " : "were ") + std::to_string(verdict.count);
  if (forgotten != 0) {
    verdict.text += " (of those kept: the journal was full, and " + times_text(forgotten) +
                    " before had to make room: give it more entries, or clear it between tests)";
  }
  if (verdict.holds) return verdict;
  const JournalMatch match(filter);
  const auto shown = too_few ? nearest(filter) : found;
  verdict.text += shown.empty() ? "" : too_few ? "; the nearest:" : "; they were:";
  for (const JournalEntry* entry : shown) {
    if (verdict.nearest.size() == most_shown) {
      verdict.text += "\n  and " + std::to_string(shown.size() - most_shown) + " more";
      break;
    }
    verdict.nearest.push_back(*entry);
    verdict.text += "\n  " + describe(*entry);
    std::string why;
    for (const std::string_view difference : match.differences(*entry)) {
      why.append(why.empty() ? " (not its " : ", ").append(difference);
    }
    if (!why.empty()) verdict.text += why + ")";
  }
  return verdict;
}

}  // namespace deimos::fake
