// Every recorded session, replayed against a node in this process.
#include <map>
#include <memory>

#include <gmock/gmock.h>

#include <deimos/fake/node.h>

#include "protocol/recorded_reply.h"
#include "protocol/replayer.h"

namespace deimos::fake {
namespace {

class NodeInProcess final : public ReplaySubject {
 public:
  void move_to(std::chrono::milliseconds since_start) override {
    node_.advance(ManualClock::epoch + since_start - node_.now());
  }
  Response exchange(const Request& request) override { return node_.handle(request); }
  void start(const std::string& id, const Request& request) override {
    const auto reply = std::make_shared<RecordedReply>();
    node_.handle(request, reply);
    watches_[id] = reply;
  }
  Response await(const std::string& id) override {
    EXPECT_FALSE(watches_.at(id)->open) << id << " got no event";
    return watches_.at(id)->response;
  }

 private:
  Node node_;
  std::map<std::string, std::shared_ptr<RecordedReply>> watches_;
};

class RecordedSession : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(RecordedSession, IsAnsweredAsDeimosDid) {
  NodeInProcess node;
  Replayer replayer(node);
  EXPECT_THAT(replayer.replay(GetParam()), testing::IsEmpty());
  EXPECT_GT(replayer.compared(), 500);
}

INSTANTIATE_TEST_SUITE_P(InProcess, RecordedSession, testing::ValuesIn(recorded_sessions()), [](const auto& session) {
  std::string name = session.param.stem().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace deimos::fake
