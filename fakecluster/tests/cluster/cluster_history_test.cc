// Where a watch from the past differs from a live one, as seen on the real store.
#include <string>

#include "cluster/cluster_fixture.h"

namespace deimos::fake {
namespace {

using ClusterHistory = ClusterFixture;

TEST_F(ClusterHistory, DoesNotTellOfADirectoryAboveThatWent) {
  put(1, "/tree/d/a", "value=1");
  ask(1, "DELETE", "/tree/d?recursive=true");
  const Asked past = watch(1, "/tree/d/a", 8);
  EXPECT_EQ(past.reply->ends, 0U) << "it waits on";
  put(1, "/tree/d/a", "value=2");
  EXPECT_EQ(past.reply->ends, 1U);
  const Asked live = watch(1, "/tree/d/a");
  ask(1, "DELETE", "/tree/d?recursive=true");
  EXPECT_EQ(live.reply->ends, 1U) << "a live watch is told";
}

TEST_F(ClusterHistory, TellsRecursiveWatchersOfHiddenKeys) {
  put(1, "/hid/_x", "value=1");
  put(1, "/hid/y", "value=2");
  const Asked past = ask(1, "GET", "/hid?wait=true&recursive=true&waitIndex=7");
  ASSERT_EQ(past.reply->parts.size(), 1U);
  EXPECT_NE(past.reply->parts[0].find("/hid/_x"), std::string::npos);
}

TEST_F(ClusterHistory, ShowsWhenTheLeaseOfAnOldEventEndsNow) {
  put(1, "/a", "value=1&ttl=10");
  put(1, "/a", "value=2&prevValue=1&ttl=100");
  const Asked renewed = watch(1, "/a", 7);
  const Asked renewal = watch(1, "/a", 8);
  ASSERT_EQ(renewed.reply->parts.size(), 1U);
  ASSERT_EQ(renewal.reply->parts.size(), 1U);
  const auto expiration_of = [](const std::string& text) {
    const std::size_t at = text.find("\"expiration\":\"");
    return at == std::string::npos ? std::string() : text.substr(at, text.find(',', at) - at);
  };
  EXPECT_EQ(expiration_of(renewed.reply->parts[0]), expiration_of(renewal.reply->parts[0]));
  EXPECT_NE(renewed.reply->parts[0].find("\"ttl\":10,"), std::string::npos) << "and the ttl as it was";
}

TEST_F(ClusterHistory, ShowsTheZeroInstantOnceTheLeaseWasDropped) {
  put(1, "/a", "value=1&ttl=10");
  put(1, "/a", "value=2&prevExists=true");
  const Asked past = watch(1, "/a", 7);
  ASSERT_EQ(past.reply->parts.size(), 1U);
  EXPECT_NE(past.reply->parts[0].find("\"expiration\":\"0001-01-01T00:00:00Z\",\"ttl\":10,"), std::string::npos)
      << past.reply->parts[0];
}

TEST_F(ClusterHistory, ShowsTheLeaseThatAKeyHadWhenItWasMadeAnew) {
  put(1, "/a", "value=1&ttl=10");
  put(1, "/a", "value=2&ttl=20");
  put(1, "/a", "value=3&prevExists=true");
  const Asked former = watch(1, "/a", 7);
  const Asked anew = watch(1, "/a", 8);
  ASSERT_EQ(former.reply->parts.size(), 1U);
  ASSERT_EQ(anew.reply->parts.size(), 1U);
  EXPECT_EQ(former.reply->parts[0].find("0001-01-01"), std::string::npos);
  EXPECT_NE(anew.reply->parts[0].find("0001-01-01"), std::string::npos);
}

TEST_F(ClusterHistory, AForgetfulHubForgetsTheOtherWatchersOfAKey) {
  for (const bool forgetful : {false, true}) {
    start({.nodes = 3, .forgetful_hub = forgetful});
    const Asked gone = watch(1, "/a");
    const Asked stays = watch(1, "/a");
    const Asked other_key = watch(1, "/b");
    const Asked other_node = watch(2, "/a");
    cluster().abandon(gone.ticket);
    put(1, "/a", "value=1");
    put(1, "/b", "value=1");
    EXPECT_EQ(stays.reply->ends, forgetful ? 0U : 1U);
    EXPECT_EQ(other_key.reply->ends, 1U);
    EXPECT_EQ(other_node.reply->ends, 1U);
    EXPECT_EQ(watch(1, "/a", 7).reply->ends, 1U) << "asking again gets it from the history";
    cluster().advance(6min);
    EXPECT_EQ(stays.reply->ends, 1U);
  }
}

TEST_F(ClusterHistory, AForgetfulHubForgetsThoseThatAnEventLeaves) {
  start({.nodes = 3, .forgetful_hub = true});
  const Asked one = watch(1, "/a");
  const Asked later = watch(1, "/a", 100);
  put(1, "/a", "value=1");
  EXPECT_EQ(one.reply->ends, 1U);
  EXPECT_EQ(later.reply->ends, 0U);
  EXPECT_EQ(cluster().node(1).statistics().watchers, 0U);
}

}  // namespace
}  // namespace deimos::fake
