#include "protocol/rfc3339_writer.h"

#include <array>
#include <chrono>
#include <cstddef>

namespace deimos::fake {
namespace {

void append_padded(std::string& out, unsigned number, int width) {
  std::array<char, 9> digits;
  for (int at = width - 1; at >= 0; --at, number /= 10) {
    digits[static_cast<std::size_t>(at)] = static_cast<char>('0' + number % 10);
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

}  // namespace

void append_instant(std::string& out, Instant instant) {
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

std::string instant_text(Instant instant) {
  std::string text;
  append_instant(text, instant);
  return text;
}

}  // namespace deimos::fake
