#include <deimos/fake/journal.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Outcome = JournalEntry::Outcome;

class JournalTest : public ClusterFixture {
 protected:
  void SetUp() override { start({.nodes = 3, .journal_entries = 100}); }
  void send(const Request& request) { (void)cluster().node(1).handle(request); }
  JournalEntry last() { return cluster().journal().entries.back(); }
  std::vector<std::uint64_t> ids(const JournalFilter& filter) {
    std::vector<std::uint64_t> found;
    for (const JournalEntry& entry : cluster().journal(filter).entries) found.push_back(entry.id);
    return found;
  }
};

TEST_F(JournalTest, SaysWhatWasAskedAndWhatCameOfIt) {
  cluster().advance(1s);
  ask(2, "PUT", "/jobs/a%20b?ttl=5", "value=1&prevExists=false", {.client = "worker"});
  const JournalEntry entry = last();
  EXPECT_EQ(entry.id, 1u);
  EXPECT_EQ(entry.at, ManualClock::epoch + 1s);
  EXPECT_EQ(entry.node, 2u);
  EXPECT_EQ(entry.connection, 0u);
  EXPECT_EQ(entry.client, "worker");
  EXPECT_EQ(entry.method, "PUT");
  EXPECT_EQ(entry.key, "/jobs/a b");
  EXPECT_EQ(entry.path, "/keys/jobs/a%20b");
  EXPECT_EQ(entry.query, "ttl=5");
  EXPECT_EQ(entry.form, "value=1&prevExists=false");
  EXPECT_EQ(entry.outcome, Outcome::answered);
  EXPECT_EQ(entry.status, 201);
  EXPECT_EQ(entry.duration, 0s);
  EXPECT_EQ(entry.rule, 0u);
  EXPECT_FALSE(entry.lost);
  EXPECT_EQ(describe(entry),
            "#1 PUT /keys/jobs/a%20b?ttl=5 'value=1&prevExists=false' by worker at node 2: 201 after 0s");
}

TEST_F(JournalTest, KnowsTheClientByItsHeader) {
  send({"GET", "/machines", {{"X-Deimos-Client", "service-a"}}, {}, {}});
  EXPECT_EQ(last().client, "service-a");
  EXPECT_EQ(last().key, "");
  EXPECT_EQ(last().path, "/machines");
}

TEST_F(JournalTest, AWatchIsOpenUntilItsEvent) {
  const Asked heard = watch(1, "/a");
  EXPECT_EQ(last().method, "WATCH");
  EXPECT_EQ(last().outcome, Outcome::open);
  EXPECT_EQ(last().status, 200);
  cluster().advance(3s);
  put(1, "/a", "value=1");
  const JournalEntry entry = cluster().journal().entries.front();
  EXPECT_EQ(entry.outcome, Outcome::answered);
  EXPECT_EQ(entry.duration, 3s);
}

TEST_F(JournalTest, SaysWhichRuleDidWhat) {
  const RuleId rule = cluster().add_rule({"lost grant", {.method = "PUT"}, DropAnswer{}});
  const Asked hanging = put(1, "/a", "value=1");
  EXPECT_EQ(last().rule, rule);
  EXPECT_EQ(last().rule_name, "lost grant");
  EXPECT_EQ(last().action, "drop_answer");
  EXPECT_EQ(last().outcome, Outcome::open);
  EXPECT_TRUE(last().lost) << "at once, not only when the client gives up";
  cluster().advance(2s);
  cluster().abandon(hanging.ticket);
  EXPECT_EQ(last().outcome, Outcome::left);
  EXPECT_EQ(last().duration, 2s);
  EXPECT_THAT(describe(last()), HasSubstr("no answer, the client left after 2s, rule 'lost grant' drop_answer, lost"));
}

TEST_F(JournalTest, TellsAnswersThatWereLostFromThoseThatWereNot) {
  cluster().add_rule({"", {.key = "/reset"}, ResetAfter{5}});
  cluster().add_rule({"", {.key = "/refused"}, RefuseConnection{}});
  cluster().add_rule({"", {.key = "/stub"}, Answer{.status = 418}});
  get(1, "/reset");
  EXPECT_EQ(last().outcome, Outcome::broken);
  EXPECT_TRUE(last().lost);
  get(1, "/refused");
  EXPECT_EQ(last().outcome, Outcome::refused);
  EXPECT_TRUE(last().lost);
  get(1, "/stub");
  EXPECT_EQ(last().outcome, Outcome::answered);
  EXPECT_EQ(last().status, 418);
  EXPECT_EQ(last().action, "answer");
  EXPECT_FALSE(last().lost);
  cluster().crash(2);
  get(2, "/a");
  EXPECT_EQ(last().outcome, Outcome::refused);
}

TEST_F(JournalTest, ADelayedAnswerTakesAsLongAsItDoes) {
  cluster().add_rule({"", {}, Delay{2s, 2s, true}});
  put(1, "/a", "value=1");
  EXPECT_EQ(last().status, 0);
  cluster().advance(5s);
  EXPECT_EQ(last().status, 201);
  EXPECT_EQ(last().duration, 2s);
}

TEST_F(JournalTest, FindsByEverything) {
  ask(1, "PUT", "/locks/a", "value=1", {.client = "one"});
  ask(2, "PUT", "/locks/b", "value=2", {.client = "two"});
  ask(3, "GET", "/locks/a", {}, {.client = "one"});
  ask(3, "GET", "/none", {}, {.client = "one"});
  send({"GET", "/machines", {}, {}, {}});
  EXPECT_THAT(ids({}), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(ids({.client = "o?e"}), ElementsAre(1, 3, 4));
  EXPECT_THAT(ids({.node = 3}), ElementsAre(3, 4));
  EXPECT_THAT(ids({.method = "PUT"}), ElementsAre(1, 2));
  EXPECT_THAT(ids({.key = "/locks/*"}), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids({.key = "**"}), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(ids({.parameter = "value=2"}), ElementsAre(2));
  EXPECT_THAT(ids({.status = 404}), ElementsAre(4));
  EXPECT_THAT(ids({.since = 3}), ElementsAre(4, 5));
  EXPECT_THAT(ids({.client = "one", .method = "GET", .since = 3}), ElementsAre(4));
  cluster().add_rule({"", {}, DropAnswer{}});
  put(1, "/a", "value=1");
  EXPECT_THAT(ids({.action = "drop_answer"}), ElementsAre(6));
  EXPECT_THAT(ids({.lost = true}), ElementsAre(6));
  EXPECT_THAT(ids({.method = "PUT", .lost = false}), ElementsAre(1, 2));
}

TEST_F(JournalTest, GivesTheOldestUpToALimitAndSaysHowManyMoreThereAre) {
  for (int n = 0; n < 5; ++n) get(1, "/a");
  const Journal page = cluster().journal({.since = 1}, 3);
  EXPECT_EQ(page.entries.front().id, 2u);
  EXPECT_EQ(page.entries.back().id, 4u);
  EXPECT_EQ(page.more, 1u);
  EXPECT_EQ(page.last, 5u);
  EXPECT_EQ(page.forgotten, 0u);
}

TEST_F(JournalTest, VerifiesHowOften) {
  for (int n = 0; n < 3; ++n) put(1, "/a", "value=1");
  const JournalFilter puts{.method = "PUT"};
  EXPECT_TRUE(cluster().verify(puts, Times::exactly(3)).holds);
  EXPECT_FALSE(cluster().verify(puts, Times::exactly(2)).holds);
  EXPECT_FALSE(cluster().verify(puts, Times::exactly(4)).holds);
  EXPECT_TRUE(cluster().verify(puts, {.at_least = 3}).holds);
  EXPECT_FALSE(cluster().verify(puts, {.at_least = 4}).holds);
  EXPECT_TRUE(cluster().verify(puts, {.at_most = 3}).holds);
  EXPECT_FALSE(cluster().verify(puts, {.at_most = 2}).holds);
  EXPECT_EQ(cluster().verify(puts, {}).count, 3u);
  EXPECT_TRUE(cluster().verify({.method = "DELETE"}, Times::exactly(0)).holds);
}

TEST_F(JournalTest, AFailedVerificationShowsWhatCameNearest) {
  ask(1, "GET", "/locks/a", {}, {.client = "one"});
  ask(2, "PUT", "/locks/a", "value=2", {.client = "two"});
  ask(3, "GET", "/elsewhere", {}, {.client = "two"});
  const JournalVerdict verdict =
      cluster().verify({.client = "one", .method = "PUT", .key = "/locks/*"}, Times::exactly(1));
  EXPECT_FALSE(verdict.holds);
  ASSERT_EQ(verdict.nearest.size(), 3u);
  EXPECT_EQ(verdict.nearest[0].id, 2u) << "of those as near, the latest first";
  EXPECT_EQ(verdict.nearest[1].id, 1u);
  EXPECT_EQ(verdict.text,
            "expected exactly 1 request: PUT of /locks/* by one; there were 0; the nearest:\n"
            "  #2 PUT /keys/locks/a 'value=2' by two at node 2: 201 after 0s (not its client)\n"
            "  #1 GET /keys/locks/a by one at node 1: 404 after 0s (not its method)\n"
            "  #3 GET /keys/elsewhere by two at node 3: 404 after 0s (not its client, method, key)");
}

TEST_F(JournalTest, AVerificationThatFoundTooManyShowsThem) {
  for (int n = 0; n < 7; ++n) put(1, "/a", "value=" + std::to_string(n));
  const JournalVerdict verdict = cluster().verify({.method = "PUT"}, {.at_most = 1});
  EXPECT_EQ(verdict.nearest.size(), 5u);
  EXPECT_THAT(verdict.text, HasSubstr("expected at most 1 request: PUT; there were 7; they were:\n  #1 "));
  EXPECT_THAT(verdict.text, HasSubstr("and 2 more"));
}

TEST_F(JournalTest, SaysThatItOverflowedAndVouchesForNothingItForgot) {
  start({.nodes = 1, .journal_entries = 3});
  for (int n = 0; n < 5; ++n) put(1, "/a", "value=1");
  const Journal journal = cluster().journal();
  EXPECT_EQ(journal.entries.size(), 3u);
  EXPECT_EQ(journal.entries.front().id, 3u);
  EXPECT_EQ(journal.forgotten, 2u);
  EXPECT_EQ(journal.last, 5u);
  const JournalVerdict verdict = cluster().verify({.method = "PUT"}, Times::exactly(3));
  EXPECT_FALSE(verdict.holds) << "two more may have matched";
  EXPECT_THAT(verdict.text, HasSubstr("the journal was full, and 2 requests before had to make room"));
  EXPECT_FALSE(cluster().verify({.method = "PUT"}, {.at_most = 3}).holds);
  EXPECT_TRUE(cluster().verify({.method = "PUT"}, {.at_least = 3}).holds);
  EXPECT_EQ(cluster().journal({.since = 1}).forgotten, 1u);
  EXPECT_EQ(cluster().journal({.since = 2}).forgotten, 0u);
  EXPECT_TRUE(cluster().verify({.method = "PUT", .since = 2}, Times::exactly(3)).holds);
}

TEST_F(JournalTest, StartsAnewWhenItIsCleared) {
  start({.nodes = 1, .journal_entries = 2});
  for (int n = 0; n < 5; ++n) get(1, "/a");
  cluster().clear_journal();
  EXPECT_TRUE(cluster().journal().entries.empty());
  EXPECT_EQ(cluster().journal().forgotten, 0u);
  get(1, "/b");
  EXPECT_THAT(ids({}), ElementsAre(6));
  EXPECT_TRUE(cluster().verify({}, Times::exactly(1)).holds);
  cluster().reset();
  EXPECT_EQ(cluster().journal().last, 0u);
  get(1, "/b");
  EXPECT_THAT(ids({}), ElementsAre(1));
}

TEST_F(JournalTest, KeepsSoMuchOfALongRequestAndSaysHowMuchIsMissing) {
  put(1, "/a", "value=" + std::string(5000, 'v'));
  EXPECT_EQ(last().form.size(), journal_text_bytes);
  EXPECT_EQ(last().left_out, 5006 - journal_text_bytes);
  EXPECT_THAT(describe(last()), HasSubstr("3982 bytes left out"));
  send({"GET", "/keys/" + std::string(10'000, 'k'), {}, {}, {}});
  EXPECT_EQ(last().key.size(), journal_key_bytes);
  EXPECT_EQ(last().status, 414);
  send({"GET", "", {}, {}, {}});
  EXPECT_EQ(last().status, 400);
}

TEST_F(JournalTest, TellsAnObserverOfEachRequestOnce) {
  start({.nodes = 1});
  std::vector<std::string> told;
  cluster().on_journal([&](const JournalEntry& entry) {
    told.push_back(entry.method + " " + entry.key + " " + std::string(to_string(entry.outcome)));
  });
  const Asked heard = watch(1, "/a");
  put(1, "/a", "value=1");
  const Asked left = watch(1, "/b");
  cluster().abandon(left.ticket);
  cluster().on_journal(nullptr);
  get(1, "/a");
  EXPECT_THAT(told, ElementsAre("WATCH /a answered", "PUT /a answered", "WATCH /b left"));
  EXPECT_THROW((void)cluster().journal(), std::logic_error) << "none is kept";
  EXPECT_THROW((void)cluster().verify({}, {}), std::logic_error);
}

TEST_F(JournalTest, ChangesNoAnswer) {
  for (const bool kept : {false, true}) {
    start({.nodes = 1, .seed = 3, .journal_entries = kept ? 10U : 0U});
    cluster().add_rule({"", {.method = "PUT", .every = 2}, CorruptBody{}});
    std::string all;
    for (int n = 0; n < 4; ++n) all += put(1, "/a", "value=1").body();
    const Asked slow = watch(1, "/a");
    slow.reply->stuck = true;
    put(1, "/a", "value=2");
    static std::string first;
    if (!kept) first = all;
    EXPECT_EQ(all, first);
    EXPECT_EQ(slow.reply->parts.size(), 1u);
  }
}

TEST_F(JournalTest, RefusesFiltersThatCanNeverMatch) {
  for (const auto& [filter, why] : std::vector<std::pair<JournalFilter, const char*>>{
           {{.node = 4}, "there is no node 4"},
           {{.method = "put"}, "'put' is not a method"},
           {{.key = std::string(513, 'k')}, "a pattern of 513 bytes"},
           {{.parameter = std::string(1025, 'p')}, "so much is not kept"},
           {{.status = 42}, "not from 100 to 599"},
           {{.action = "explode"}, "there is no action 'explode'"},
       }) {
    try {
      (void)cluster().journal(filter);
      ADD_FAILURE() << why;
    } catch (const std::invalid_argument& error) {
      EXPECT_THAT(error.what(), HasSubstr(why));
    }
  }
  EXPECT_THROW((void)cluster().verify({}, {.at_least = 2, .at_most = 1}), std::invalid_argument);
}

}  // namespace
}  // namespace deimos::fake
