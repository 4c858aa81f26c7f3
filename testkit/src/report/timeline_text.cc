#include <algorithm>
#include <utility>

#include <deimos/testkit/timeline.h>

namespace deimos::testkit {

std::string Timeline::as_text(std::size_t most) const {
  std::vector<std::pair<Duration, std::string>> lines;
  for (const Span& span : spans) {
    lines.emplace_back(span.from, span.lane + "  " + span.text + " until " + describe_time(span.until) +
                                      (span.details.empty() ? "" : " (" + span.details + ")"));
  }
  for (const Mark& mark : marks) lines.emplace_back(mark.at, mark.lane + "  " + mark.kind + "  " + mark.text);
  std::ranges::stable_sort(lines, {}, &std::pair<Duration, std::string>::first);

  const Duration until = violated.value_or(Duration::max());
  const auto last = std::ranges::upper_bound(lines, until, {}, &std::pair<Duration, std::string>::first);
  const auto first = last - std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(most), last - lines.begin());
  std::string text = title.empty() ? "" : title + "\n";
  if (first != lines.begin()) text += "(" + std::to_string(first - lines.begin()) + " earlier ones left out)\n";
  for (auto line = first; line != last; ++line) text += describe_time(line->first) + "  " + line->second + "\n";
  if (violated) text += ">>> " + describe_time(*violated) + "  " + verdict + "\n";
  if (last != lines.end()) text += "(" + std::to_string(lines.end() - last) + " later ones left out)\n";
  return text;
}

}  // namespace deimos::testkit
