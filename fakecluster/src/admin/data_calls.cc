// What the admin API says of stored data.
#include <deimos/fake/data_json.h>

#include "admin/admin_call.h"
#include "admin/data_json.h"

namespace deimos::fake {

Json get_data(const AdminCall& call) {
  bool indexes = false;
  for (const auto& [name, text] : call.parameters) {
    if (name != "indexes") throw std::invalid_argument("unknown parameter '" + name + "': there can be indexes");
    if (text != "true" && text != "false") throw std::invalid_argument("indexes: expected true or false");
    indexes = text == "true";
  }
  return parse_json(to_json(call.cluster.data(indexes)));
}

Json put_data(const AdminCall& call) {
  const Data data = data_of(parse_json(call.request.body));
  try {
    call.cluster.load(data);
  } catch (const std::invalid_argument&) {
    throw;
  } catch (const std::logic_error& error) {
    throw Refused(409, error.what());
  }
  return {{"entries", data.entries.size()}};
}

}  // namespace deimos::fake
