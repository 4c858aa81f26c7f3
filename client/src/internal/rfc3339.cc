#include <deimos/internal/rfc3339.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace deimos::internal {
namespace {

/// Reads from the front of `text`; once something does not fit, nothing does.
class Scanner {
 public:
  explicit Scanner(std::string_view text) noexcept : text_(text) {}

  /// A number of exactly `width` digits.
  int digits(int width) noexcept {
    int number = 0;
    for (int i = 0; i < width; ++i) number = number * 10 + digit();
    return number;
  }

  int digit() noexcept {
    if (!next_is_digit()) {
      good_ = false;
      return 0;
    }
    const int value = text_.front() - '0';
    text_.remove_prefix(1);
    return value;
  }

  [[nodiscard]] bool next_is_digit() const noexcept {
    return !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
  }

  bool take(char wanted) noexcept {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) noexcept { good_ = take(wanted) && good_; }

  /// Nanoseconds of `.123…`, if there is a fraction.
  std::int64_t fraction() noexcept {
    if (!take('.')) return 0;
    std::int64_t nanoseconds = digit() * 100'000'000LL;
    for (std::int64_t unit = 10'000'000; next_is_digit(); unit /= 10) nanoseconds += digit() * unit;
    return nanoseconds;
  }

  [[nodiscard]] bool good() const noexcept { return good_; }
  [[nodiscard]] bool at_end() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
  bool good_ = true;
};

void append_padded(std::string& out, unsigned number, int width) {
  std::array<char, 9> digits;
  for (int at = width - 1; at >= 0; --at, number /= 10) {
    digits[static_cast<std::size_t>(at)] = static_cast<char>('0' + number % 10);
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

}  // namespace

std::optional<WallInstant> parse_rfc3339(std::string_view text) noexcept {
  using namespace std::chrono;
  Scanner in(text);
  const int y = in.digits(4);
  in.expect('-');
  const int m = in.digits(2);
  in.expect('-');
  const int d = in.digits(2);
  in.expect('T');
  const int hour = in.digits(2);
  in.expect(':');
  const int minute = in.digits(2);
  in.expect(':');
  const int second = in.digits(2);
  const std::int64_t nanosecond = in.fraction();
  minutes offset{0};
  if (!in.take('Z')) {
    const bool west = in.take('-');
    if (!west) in.expect('+');
    offset = hours(in.digits(2));
    in.expect(':');
    offset += minutes(in.digits(2));
    if (west) offset = -offset;
  }
  const year_month_day date = year(y) / m / d;
  if (!in.good() || !in.at_end() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;

  const sys_seconds whole = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) - offset;
  if (whole <= floor<seconds>(WallInstant::min())) return WallInstant::min();
  if (whole >= floor<seconds>(WallInstant::max())) return WallInstant::max();
  return whole + nanoseconds(nanosecond);
}

void append_rfc3339(std::string& out, WallInstant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(instant - day);
  append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  append_padded(out += '-', static_cast<unsigned>(date.month()), 2);
  append_padded(out += '-', static_cast<unsigned>(date.day()), 2);
  append_padded(out += 'T', static_cast<unsigned>(time.hours().count()), 2);
  append_padded(out += ':', static_cast<unsigned>(time.minutes().count()), 2);
  append_padded(out += ':', static_cast<unsigned>(time.seconds().count()), 2);
  if (const auto fraction = time.subseconds().count(); fraction != 0) {
    append_padded(out += '.', static_cast<unsigned>(fraction), 9);
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += 'Z';
}

std::string rfc3339_text(WallInstant instant) {
  std::string text;
  append_rfc3339(text, instant);
  return text;
}

}  // namespace deimos::internal
