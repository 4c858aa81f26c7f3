// The Reply that notes in the journal what comes of a request.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <deimos/fake/clock.h>
#include <deimos/fake/request_handler.h>

#include "journal/request_journal.h"

namespace deimos::fake {

/// Held by whoever still may answer: once nobody does, the client has gone.
class JournaledReply final : public Reply {
 public:
  JournaledReply(const RequestJournal& journal, const Clock& clock, std::shared_ptr<JournalEntry> entry,
                 std::shared_ptr<Reply> client)
      : journal_(journal), clock_(clock), entry_(std::move(entry)), client_(std::move(client)) {}
  ~JournaledReply() override { complete(JournalEntry::Outcome::left); }
  JournaledReply(const JournaledReply&) = delete;
  JournaledReply& operator=(const JournaledReply&) = delete;

  void answer(Response response, bool open) override {
    entry_->status = response.status;
    if (!open) complete(JournalEntry::Outcome::answered);
    client_->answer(std::move(response), open);
  }
  void chunk(std::string_view text) override { client_->chunk(text); }
  void shared_chunk(const std::shared_ptr<const std::string>& text) override { client_->shared_chunk(text); }
  void end() override {
    complete(JournalEntry::Outcome::answered);
    client_->end();
  }
  void broken(Delivery delivery) override {
    complete(delivery == Delivery::not_sent ? JournalEntry::Outcome::refused : JournalEntry::Outcome::broken);
    client_->broken(delivery);
  }
  [[nodiscard]] std::size_t backlog() const override { return client_->backlog(); }

 private:
  void complete(JournalEntry::Outcome outcome) {
    if (std::exchange(complete_, true)) return;
    journal_.completed(*entry_, outcome, clock_.now());
  }

  const RequestJournal& journal_;
  const Clock& clock_;
  const std::shared_ptr<JournalEntry> entry_;
  const std::shared_ptr<Reply> client_;
  bool complete_ = false;
};

}  // namespace deimos::fake
