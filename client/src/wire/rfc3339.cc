#include "wire/rfc3339.h"

namespace deimos {
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

}  // namespace

std::optional<std::chrono::sys_time<Duration>> parse_rfc3339(std::string_view text) noexcept {
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
  if (whole <= floor<seconds>(sys_time<Duration>::min())) return sys_time<Duration>::min();
  if (whole >= floor<seconds>(sys_time<Duration>::max())) return sys_time<Duration>::max();
  return whole + Duration(nanosecond);
}

}  // namespace deimos
