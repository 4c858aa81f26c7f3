#include <algorithm>
#include <cerrno>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include <deimos/testkit/timeline.h>

#include "report/timeline_page.h"

namespace deimos::testkit {
namespace {

using Json = nlohmann::ordered_json;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

/// Keeps the `most` of `items` nearest to `centre`, in their order; how many were left out.
template <typename Item, typename Distance>
std::size_t keep_nearest(std::vector<const Item*>& items, std::size_t most, Distance distance) {
  if (items.size() <= most) return 0;
  std::vector<const Item*> nearest = items;
  std::ranges::stable_sort(nearest, {}, distance);
  const std::size_t left_out = items.size() - most;
  nearest.resize(most);
  const std::set<const Item*> kept(nearest.begin(), nearest.end());
  std::erase_if(items, [&](const Item* item) { return !kept.contains(item); });
  return left_out;
}

template <typename Item>
std::vector<const Item*> pointers(const std::vector<Item>& items) {
  std::vector<const Item*> all;
  for (const Item& item : items) all.push_back(&item);
  return all;
}

}  // namespace

std::string Timeline::as_html(std::size_t most) const {
  const Duration centre = violated.value_or(end);
  auto shown_spans = pointers(spans);
  auto shown_marks = pointers(marks);
  std::size_t left_out = keep_nearest(shown_spans, most / 2, [&](const Span* span) {
    return span->from <= centre && centre <= span->until
               ? Duration::zero()
               : std::min(std::chrono::abs(span->from - centre), std::chrono::abs(span->until - centre));
  });
  left_out += keep_nearest(shown_marks, most - std::min(most, shown_spans.size()),
                           [&](const Mark* mark) { return std::chrono::abs(mark->at - centre); });

  std::vector<std::string> names = lanes;
  Duration last = end;
  const auto note_lane = [&](const std::string& lane) {
    if (std::ranges::find(names, lane) == names.end()) names.push_back(lane);
  };
  Json json_spans = Json::array();
  for (const Span* span : shown_spans) {
    note_lane(span->lane);
    last = std::max(last, span->until);
    json_spans.push_back({{"lane", span->lane},
                          {"from", in_seconds(span->from)},
                          {"until", in_seconds(span->until)},
                          {"kind", span->kind},
                          {"text", span->text},
                          {"details", span->details}});
  }
  Json json_marks = Json::array();
  for (const Mark* mark : shown_marks) {
    note_lane(mark->lane);
    last = std::max(last, mark->at);
    json_marks.push_back(
        {{"lane", mark->lane}, {"at", in_seconds(mark->at)}, {"kind", mark->kind}, {"text", mark->text}});
  }
  const Json data = {{"title", title},
                     {"verdict", verdict},
                     {"violated", violated ? Json(in_seconds(*violated)) : Json(nullptr)},
                     {"end", in_seconds(last)},
                     {"left_out", left_out},
                     {"lanes", names},
                     {"spans", std::move(json_spans)},
                     {"marks", std::move(json_marks)}};
  std::string text = data.dump(-1, ' ', false, Json::error_handler_t::replace);
  // Nothing in the data may end the element that it stands in.
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) text.replace(at, 1, "\\u003c");
  std::string page = timeline_page;
  constexpr std::string_view place = "@data@";
  return page.replace(page.find(place), place.size(), text);
}

void write_html(const Timeline& timeline, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << timeline.as_html() << std::flush;
  if (!file) throw std::system_error(errno, std::generic_category(), "cannot write " + path);
}

}  // namespace deimos::testkit
