// Whether a condition holds in a cluster now, and if not, how near it is.
#pragma once

#include <optional>
#include <string>

#include <deimos/fake/condition.h>

#include "cluster/consensus.h"
#include "cluster/replicas.h"
#include "journal/request_journal.h"

namespace deimos::fake {

class ConditionCheck {
 public:
  struct Finding {
    bool holds = false;
    std::string text = {};  ///< What is so.
  };

  ConditionCheck(Consensus& consensus, Replicas& replicas, const RequestJournal& journal)
      : consensus_(consensus), replicas_(replicas), journal_(journal) {}

  [[nodiscard]] bool is_so(const Condition& condition);
  /// As above, in words.
  [[nodiscard]] Finding look(const Condition& condition);
  /// A store with all that is committed.
  [[nodiscard]] const Store& committed();

 private:
  [[nodiscard]] bool holds(const KeyExists& it) const;
  [[nodiscard]] bool holds(const KeyAbsent& it) const;
  [[nodiscard]] bool holds(const KeyHasValue& it) const;
  [[nodiscard]] bool holds(const JournalHas& it) const;
  [[nodiscard]] bool holds(const LeaderIs& it) const;
  [[nodiscard]] bool holds(const WatchesOpen& it) const;
  [[nodiscard]] std::string truth(const KeyExists& it) const { return key_text(it.key, it.node); }
  [[nodiscard]] std::string truth(const KeyAbsent& it) const { return key_text(it.key, it.node); }
  [[nodiscard]] std::string truth(const KeyHasValue& it) const { return key_text(it.key, it.node); }
  [[nodiscard]] std::string truth(const JournalHas& it) const;
  [[nodiscard]] std::string truth(const LeaderIs& it) const;
  [[nodiscard]] std::string truth(const WatchesOpen& it) const;

  /// That node; of 0 one that has all that is committed and applied anywhere.
  [[nodiscard]] NodeId of(NodeId node) const;
  [[nodiscard]] const Store& store(NodeId node) const;
  [[nodiscard]] std::optional<versions::KeyValue> pair(const std::string& key, NodeId node) const;
  [[nodiscard]] std::string key_text(const std::string& key, NodeId node) const;
  [[nodiscard]] std::uint64_t watches(const WatchesOpen& it) const;

  Consensus& consensus_;
  Replicas& replicas_;
  const RequestJournal& journal_;
};

}  // namespace deimos::fake
