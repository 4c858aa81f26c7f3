// Every recorded session, replayed against a node over HTTP.
#include <map>

#include <gmock/gmock.h>

#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/raw_client.h"
#include "protocol/replayer.h"

namespace deimos::fake {
namespace {

class NodeOverHttp final : public ReplaySubject {
 public:
  void move_to(std::chrono::milliseconds since_start) override {
    node_.advance(ManualClock::epoch + since_start - node_.now());
  }
  Response exchange(const Request& request) override {
    client_.send(text_of(request));
    return client_.answer(request.method == "HEAD");
  }
  void start(const std::string& id, const Request& request) override {
    RawClient& client = watches_.emplace(id, server_.port()).first->second;
    client.send(text_of(request));
    heads_[id] = client.head();  // Sent once the node has the watch.
  }
  Response await(const std::string& id) override {
    watches_.at(id).body(heads_.at(id));
    return heads_.at(id);
  }

 private:
  Node node_;
  HttpServer server_{node_};
  RawClient client_{server_.port()};
  std::map<std::string, RawClient> watches_;
  std::map<std::string, Response> heads_;
};

class RecordedSessionOverHttp : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(RecordedSessionOverHttp, IsAnsweredAsDeimosDid) {
  NodeOverHttp node;
  Replayer replayer(node);
  EXPECT_THAT(replayer.replay(GetParam()), testing::IsEmpty());
  EXPECT_GT(replayer.compared(), 500);
}

INSTANTIATE_TEST_SUITE_P(OverHttp, RecordedSessionOverHttp, testing::ValuesIn(recorded_sessions()),
                         [](const auto& session) {
                           std::string name = session.param.stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace deimos::fake
