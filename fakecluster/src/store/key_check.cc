#include "store/key_check.h"

#include <stdexcept>

namespace deimos::fake {

void check_key(const std::string& key) {
  const std::string shown = "'" + key.substr(0, 200) + "'";
  if (key.size() < 2 || key[0] != '/' || key.back() == '/') {
    throw std::invalid_argument(shown + " is not a key: it is as /locks/a");
  }
  for (const char* bad : {"//", "/./", "/../"}) {
    if ((key + '/').find(bad) != std::string::npos) {
      throw std::invalid_argument(shown + " is not a key: it has an empty or dot segment");
    }
  }
}

}  // namespace deimos::fake
