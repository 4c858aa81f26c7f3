#include <deimos/testkit/history.h>

#include <deimos/internal/duration_text.h>
#include <deimos/internal/one_line.h>

#include <algorithm>
#include <atomic>
#include <cstring>

namespace deimos::testkit {
namespace {

std::uint64_t fold(std::uint64_t hash, std::uint64_t value) noexcept {
  __extension__ using Product = unsigned __int128;
  const Product product = Product{hash ^ 0x9E3779B97F4A7C15u} * ((value ^ 0xD6E8FEB86659FD93u) | 1);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64) ^ value;
}

std::uint64_t fold(std::uint64_t hash, std::string_view text) noexcept {
  hash = fold(hash, text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t taken = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), taken);
    hash = fold(hash, word);
    text.remove_prefix(taken);
  }
  return hash;
}

void pad_to(std::string& line, std::size_t column) {
  line.append(line.size() < column ? column - line.size() : 2, ' ');
}

}  // namespace

std::string describe_time(Duration since_start) {
  const auto count = since_start.count();
  const auto magnitude = count < 0 ? 0 - static_cast<std::uint64_t>(count) : static_cast<std::uint64_t>(count);
  std::string fraction = std::to_string(magnitude % 1'000'000'000);
  fraction.insert(0, 9 - fraction.size(), '0');
  return (count < 0 ? "-" : "+") + std::to_string(magnitude / 1'000'000'000) + "." + fraction + "s";
}

std::string HistoryEvent::describe() const {
  std::string line = describe_time(at);
  pad_to(line, 18);
  line += kind;
  pad_to(line, 30);
  line += subject;
  if (!text.empty()) {
    pad_to(line, 44);
    line += text;
  }
  return internal::one_line(line);
}

void History::record(Duration at, std::string_view kind, std::string_view subject, std::string_view text) {
  hash_ = fold(fold(fold(fold(hash_, static_cast<std::uint64_t>(at.count())), kind), subject), text);
  HistoryEvent* slot = nullptr;
  if (capacity_ == unlimited || events_.size() < capacity_) {
    slot = &events_.emplace_back();
  } else {
    slot = &events_[recorded_ % capacity_];
  }
  slot->sequence = recorded_;
  slot->at = at;
  slot->kind.assign(kind);
  slot->subject.assign(subject);
  slot->text.assign(text);
  slot->hash = hash_;
  std::atomic_ref(recorded_).store(recorded_ + 1, std::memory_order_release);
}

void History::absorb(std::uint64_t value) noexcept { hash_ = fold(hash_, value); }

std::uint64_t History::size() const noexcept { return std::atomic_ref(recorded_).load(std::memory_order_acquire); }

std::vector<HistoryEvent> History::events() const {
  const std::uint64_t recorded = size();
  std::vector<HistoryEvent> ordered = events_;
  if (capacity_ != unlimited && recorded > capacity_) {
    std::rotate(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(recorded % capacity_), ordered.end());
  }
  return ordered;
}

std::string History::tail(std::size_t count) const {
  const std::vector<HistoryEvent> ordered = events();
  std::string lines;
  for (std::size_t i = ordered.size() > count ? ordered.size() - count : 0; i < ordered.size(); ++i) {
    lines += ordered[i].describe() + "\n";
  }
  return lines;
}

std::string duration_as_code(Duration duration) { return internal::duration_text(duration); }

}  // namespace deimos::testkit
