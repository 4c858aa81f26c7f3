#include "journal/journal_match.h"

#include <string>

namespace deimos::fake {

bool JournalMatch::matches(const JournalEntry& entry) const {
  return entry.id > filter_.since && differences(entry).empty();
}

std::vector<std::string_view> JournalMatch::differences(const JournalEntry& entry) const {
  std::vector<std::string_view> found;
  const auto check = [&](std::string_view field, bool as_asked) {
    if (!as_asked) found.push_back(field);
  };
  check("client", filter_.client.empty() || client_.matches(entry.client));
  check("node", filter_.node == 0 || filter_.node == entry.node);
  check("method", filter_.method.empty() || filter_.method == entry.method);
  check("key", filter_.key.empty() || (!entry.key.empty() && key_.matches(entry.key)));
  check("parameter", filter_.parameter.empty() || entry.query.find(filter_.parameter) != std::string::npos ||
                         entry.form.find(filter_.parameter) != std::string::npos);
  check("status", filter_.status == 0 || filter_.status == entry.status);
  check("action", filter_.action.empty() || filter_.action == entry.action);
  check("lost", !filter_.lost || *filter_.lost == entry.lost);
  return found;
}

}  // namespace deimos::fake
