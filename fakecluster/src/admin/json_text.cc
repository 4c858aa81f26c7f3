#include "admin/json_text.h"

#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace deimos::fake {

Json parse_json(std::string_view text) {
  constexpr std::size_t most_fields = 100;
  std::vector<std::set<std::string>> open;  // The fields so far of each object that we are in.
  const auto watch_fields = [&](int /*depth*/, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second) {
      throw std::invalid_argument("the field '" + parsed.get<std::string>() + "' is there twice");
    }
    // The library looks through all fields of an object for each.
    if (!open.empty() && open.back().size() > most_fields) {
      throw std::invalid_argument("an object has more than " + std::to_string(most_fields) + " fields");
    }
    return true;
  };
  try {
    return Json::parse(text, watch_fields);
  } catch (const Json::exception& error) {
    throw std::invalid_argument(std::string("not JSON: ") + error.what());
  }
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace deimos::fake
