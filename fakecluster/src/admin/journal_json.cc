#include "admin/journal_json.h"

#include "admin/json_fields.h"

namespace deimos::fake {

template <>
inline constexpr const char* object_name<JournalFilter> = "filter";

template <>
constexpr auto fields_of<JournalEntry>() {
  return std::tuple(JsonField{"id", &JournalEntry::id}, JsonField{"at", &JournalEntry::at},
                    JsonField{"node", &JournalEntry::node}, JsonField{"connection", &JournalEntry::connection},
                    JsonField{"client", &JournalEntry::client}, JsonField{"method", &JournalEntry::method},
                    JsonField{"key", &JournalEntry::key}, JsonField{"path", &JournalEntry::path},
                    JsonField{"query", &JournalEntry::query}, JsonField{"form", &JournalEntry::form},
                    JsonField{"left_out", &JournalEntry::left_out}, JsonField{"outcome", &JournalEntry::outcome},
                    JsonField{"status", &JournalEntry::status}, JsonField{"duration", &JournalEntry::duration},
                    JsonField{"rule", &JournalEntry::rule}, JsonField{"rule_name", &JournalEntry::rule_name},
                    JsonField{"action", &JournalEntry::action}, JsonField{"lost", &JournalEntry::lost});
}
template <>
constexpr auto fields_of<Journal>() {
  return std::tuple(JsonField{"entries", &Journal::entries}, JsonField{"more", &Journal::more},
                    JsonField{"last", &Journal::last}, JsonField{"forgotten", &Journal::forgotten});
}
template <>
constexpr auto fields_of<JournalFilter>() {
  return std::tuple(JsonField{"client", &JournalFilter::client}, JsonField{"node", &JournalFilter::node},
                    JsonField{"method", &JournalFilter::method}, JsonField{"key", &JournalFilter::key},
                    JsonField{"parameter", &JournalFilter::parameter}, JsonField{"status", &JournalFilter::status},
                    JsonField{"action", &JournalFilter::action}, JsonField{"lost", &JournalFilter::lost},
                    JsonField{"since", &JournalFilter::since});
}
template <>
constexpr auto fields_of<KeyExists>() {
  return std::tuple(JsonField{"key", &KeyExists::key}, JsonField{"node", &KeyExists::node});
}
template <>
constexpr auto fields_of<KeyAbsent>() {
  return std::tuple(JsonField{"key", &KeyAbsent::key}, JsonField{"node", &KeyAbsent::node});
}
template <>
constexpr auto fields_of<KeyHasValue>() {
  return std::tuple(JsonField{"key", &KeyHasValue::key}, JsonField{"value", &KeyHasValue::value},
                    JsonField{"node", &KeyHasValue::node});
}
template <>
constexpr auto fields_of<JournalHas>() {
  return std::tuple(JsonField{"match", &JournalHas::match}, JsonField{"at_least", &JournalHas::at_least});
}
template <>
constexpr auto fields_of<LeaderIs>() {
  return std::tuple(JsonField{"node", &LeaderIs::node});
}
template <>
constexpr auto fields_of<WatchesOpen>() {
  return std::tuple(JsonField{"at_least", &WatchesOpen::at_least}, JsonField{"at_most", &WatchesOpen::at_most},
                    JsonField{"node", &WatchesOpen::node}, JsonField{"key", &WatchesOpen::key});
}

Json json_of(const JournalEntry& entry) { return json_fields::write(entry); }
Json json_of(const Journal& journal) { return json_fields::write(journal); }

JournalFilter journal_filter_of(const Json& json, const std::string& where) {
  return json_fields::read_whole<JournalFilter>(json, where);
}
Condition condition_of(const Json& json, const std::string& where) {
  return json_fields::read_whole<Condition>(json, where);
}

}  // namespace deimos::fake
