// deimos-fake as a test double for programs in any language: its log, its data and plans from files, its waits.
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "program/fake_process.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(DeimosFake, LogsByTheClustersClockWhoAskedWhomAndWhatARuleDid) {
  FakeCluster cluster({"--log", "--clock", "manual", "--name", "a,b,c"});
  cluster.tell("/rules", R"({"name": "slow", "match": {"method": "GET"},
                             "action": {"kind": "delay", "least": "2s", "most": "2s"}})");
  RawClient client(cluster.ports[1]);
  client.send("GET /keys/a HTTP/1.1\r\nHost: a\r\nX-Deimos-Client: worker\r\n\r\n");
  cluster.tell("/wait", R"({"until": {"kind": "journal_has", "match": {"method": "GET"}}, "settle": "3s"})");
  cluster.tell("/clock", R"({"advance": "5s"})");
  EXPECT_EQ(client.answer().status, 404);
  EXPECT_EQ(cluster.error_line(), R"(2026-01-01T00:00:02.000Z b worker GET /keys/a 404 2000.000ms rule 'slow' delay)");
  {
    RawClient watcher(cluster.ports[2]);
    watcher.send(get("/keys/a?wait=true"));
    EXPECT_EQ(watcher.head().status, 200);
  }
  EXPECT_EQ(cluster.error_line(), "2026-01-01T00:00:05.000Z c - WATCH /keys/a?wait=true 200 0.000ms left");
}

/// A file for as long as this lives.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) : path_(testing::TempDir() + "deimos_fake_XXXXXX") {
    const int file = ::mkstemp(path_.data());
    if (file < 0 || ::write(file, text.data(), text.size()) < 0) throw std::runtime_error("no temporary file");
    ::close(file);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(DeimosFake, BeginsWithTheDataAndThePlanThatItIsGiven) {
  const TemporaryFile data(R"({"entries": [{"key": "/config/rate", "value": "100"}]})");
  const TemporaryFile plan(R"({"faults": [{"kind": "isolate", "node": 3}, {"kind": "crash", "node": 2, "after": "5s"}],
                               "left_out": ["a crash of process 'one'"]})");
  FakeCluster cluster({"--data", data.path(), "--plan", plan.path(), "--clock", "manual"});
  EXPECT_EQ(cluster.error_line(), "deimos-fake: left out: a crash of process 'one'");
  EXPECT_THAT(ask(cluster.ports[0], get("/keys/config/rate")).body, HasSubstr(R"("value":"100")"));
  EXPECT_THAT(ask(cluster.admin, get("/cluster")).body, HasSubstr(R"("reaches":[])"));
  EXPECT_THAT(ask(cluster.admin, get("/faults")).body, HasSubstr("2026-01-01T00:00:05Z"));
}

TEST(DeimosFake, NamesTheFileThatIsWrongAndWhereItIs) {
  for (const auto& [option, text, why] : std::vector<std::array<std::string, 3>>{
           {"--data", R"({"entries": [{"key": "a", "value": "1"}]})", ": entry 0 ('a'): 'a' is not a key"},
           {"--data", "{", ": not JSON"},
           {"--plan", R"({"faults": [{"kind": "crash", "node": 2}]})", ": faults[0]: there is no node 2"},
           {"--plan", R"({"faults": ["explode"]})", ": faults[0]: there is no kind 'explode'"},
       }) {
    const TemporaryFile file(text);
    FakeProcess program({"--listen", "127.0.0.1:0", option, file.path()});
    EXPECT_EQ(program.output_line(), "");
    EXPECT_THAT(program.error_line(), StartsWith("deimos-fake: " + file.path() + why));
    EXPECT_EQ(program.wait(), 2) << text;
  }
}

TEST(DeimosFake, TheAdminApiWaitsWhileItGoesOnServing) {
  FakeCluster cluster;
  RawClient waiter(cluster.admin);
  waiter.send(post("/wait", R"({"until": {"kind": "key_has_value", "key": "/a", "value": "2"}, "within": "20s"})"));
  ask(cluster.ports[0], put("/keys/a", "value=1"));
  cluster.tell("/faults", R"("heal")");
  ask(cluster.ports[0], put("/keys/a", "value=2"));
  EXPECT_EQ(waiter.answer().status, 200);
  const Response missed =
      ask(cluster.admin, post("/wait", R"({"until": {"kind": "key_absent", "key": "/a"}, "within": "10ms"})"));
  EXPECT_EQ(missed.status, 417);
  EXPECT_THAT(missed.body, HasSubstr("'/a' has the value '2'"));
  RawClient gone(cluster.admin);
  gone.send(post("/wait", R"({"until": {"kind": "key_absent", "key": "/a"}, "within": "24h"})"));
}  // It ends all the same.

}  // namespace
}  // namespace deimos::fake
