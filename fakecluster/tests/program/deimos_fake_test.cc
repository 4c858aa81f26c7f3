// deimos-fake as its users see it: a process, its output, its port and its exit status.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "program/fake_process.h"

namespace deimos::fake {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;

TEST(DeimosFake, PrintsItsUrlWhenItIsReady) {
  FakeProcess program({"--listen", "127.0.0.1:0"});
  const std::string url = program.output_line();
  EXPECT_EQ(ask(port_of(url), get("/machines")).body, url);
  EXPECT_EQ(ask(port_of(url), put("/keys/a", "value=1")).status, 201);
}

TEST(DeimosFake, TellsClientsTheUrlThatItIsTold) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--advertise", "http://example.org:80"});
  EXPECT_EQ(ask(port_of(program.output_line()), get("/machines")).body, "http://example.org:80");
}

TEST(DeimosFake, BearsItsName) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--name", "worker"});
  EXPECT_THAT(ask(port_of(program.output_line()), get("/keys/_deimos/machines?recursive=true")).body,
              HasSubstr(R"(\"Name\":\"worker\")"));
}

TEST(DeimosFake, EndsOnASignalWithWatchesOpen) {
  for (const int number : {SIGINT, SIGTERM}) {
    FakeProcess program({"--listen", "127.0.0.1:0"});
    RawClient watcher(port_of(program.output_line()));
    watcher.send(get("/keys/a?wait=true"));
    EXPECT_EQ(watcher.head().status, 200);
    program.signal(number);
    EXPECT_EQ(watcher.chunk(), "");
    EXPECT_EQ(program.wait(), 0);
  }
}

TEST(DeimosFake, ExpiresKeysByTheWallClock) {
  FakeProcess program({"--listen", "127.0.0.1:0"});
  const std::uint16_t port = port_of(program.output_line());
  RawClient watcher(port);
  watcher.send(get("/keys/a?wait=true&waitIndex=4"));
  ask(port, put("/keys/a", "value=1&ttl=0"));
  EXPECT_THAT(watcher.answer().body, HasSubstr(R"("action":"expire")"));
}

TEST(DeimosFake, ManualClockMovesByLinesOfItsInput) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--clock", "manual"});
  const std::uint16_t port = port_of(program.output_line());
  EXPECT_THAT(ask(port, put("/keys/a", "value=1&ttl=3600")).body, HasSubstr("\"expiration\":\"2026-01-01T01:00:00Z\""));
  program.write_line("advance 3599000");
  EXPECT_EQ(program.output_line(), "now 1767229199000");
  EXPECT_THAT(ask(port, get("/keys/a")).body, HasSubstr("\"ttl\":1,"));
  program.write_line("advance 1500");
  EXPECT_EQ(program.output_line(), "now 1767229200500");
  EXPECT_EQ(ask(port, get("/keys/a")).status, 404);
}

TEST(DeimosFake, ManualClockStandsStillForOtherLinesAndTheEndOfItsInput) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--clock", "manual"});
  const std::uint16_t port = port_of(program.output_line());
  for (const std::string line : {"advance -1", "advance", "advance 1s", "retreat 1", "", "advance 99999999999"}) {
    program.write_line(line);
    EXPECT_THAT(program.error_line(), HasSubstr("'" + line + "'"));
  }
  program.write_line("advance 0");
  EXPECT_EQ(program.output_line(), "now 1767225600000");
  program.end_input();
  EXPECT_EQ(ask(port, get("/keys/")).status, 200);
}

TEST(DeimosFake, LogsALineForEachRequest) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--log"});
  const std::uint16_t port = port_of(program.output_line());
  ask(port, put("/keys/a?ttl=5", "value=secret"));
  EXPECT_THAT(program.error_line(),
              MatchesRegex("....-..-..T..:..:..[.]...Z node1 - PUT /keys/a[?]ttl=5 201 [0-9]+[.][0-9][0-9][0-9]ms"));
  RawClient(port).send("\x1b[2J garbage");
  EXPECT_THAT(program.error_line(), HasSubstr("Z - - - - 400 "));
}

TEST(DeimosFake, AnswersWhileNobodyReadsItsLog) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--log"});
  const std::uint16_t port = port_of(program.output_line());
  RawClient client(port);
  const std::string target = "/keys/" + std::string(1000, 'k');
  for (int i = 0; i < 200; ++i) {  // Three times what a pipe holds.
    client.send(get(target));
    ASSERT_EQ(client.answer().status, 404) << i;
  }
  std::string line;
  for (int i = 0; i < 150 && !line.ends_with("lines left out)"); ++i) {
    client.send(get("/keys/short"));
    client.answer();
    line = program.error_line();
  }
  EXPECT_THAT(line, MatchesRegex("[(][0-9]+ lines left out[)]"));
}

TEST(DeimosFake, LivesOnWhenTheReaderOfItsLogGoes) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--log"});
  const std::uint16_t port = port_of(program.output_line());
  program.close_errors();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(port, get("/keys/")).status, 200);
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
}

TEST(DeimosFake, DiesWithItsParentIfItIsToldTo) {
  std::array<int, 2> output{};
  ASSERT_EQ(::pipe2(output.data(), O_CLOEXEC), 0);
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() == 0) {
      ::dup2(output[1], STDOUT_FILENO);
      ::execl(DEIMOS_FAKE, DEIMOS_FAKE, "--listen", "127.0.0.1:0", "--die-with-parent", nullptr);
      ::_exit(127);
    }
    ::pause();
  }
  ::close(output[1]);
  const auto read_byte = [&] {
    pollfd readable{output[0], POLLIN, 0};
    char byte = 0;
    return ::poll(&readable, 1, 20'000) == 1 ? ::read(output[0], &byte, 1) : -1;
  };
  EXPECT_EQ(read_byte(), 1) << "it never came to run";
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  ssize_t last = 1;
  while (last == 1) last = read_byte();
  EXPECT_EQ(last, 0) << "it still runs: its standard output is open";
  ::close(output[0]);
}

TEST(DeimosFake, HoldsTheLimitsItIsGiven) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--max-body", "100", "--max-headers", "200", "--max-request-line",
                       "100", "--request-time", "20", "--max-connections", "1"});
  const std::uint16_t port = port_of(program.output_line());
  const auto status = [port](const std::string& bytes) {
    int seen = 503;  // The connection before may not have ended yet.
    EXPECT_TRUE(eventually([&] {
      RawClient client(port);
      client.send(bytes);
      seen = client.answer().status;
      return seen != 503;
    }));
    return seen;
  };
  EXPECT_EQ(status(put("/keys/a", "value=" + std::string(100, 'v'))), 413);
  EXPECT_EQ(status(get("/keys/" + std::string(100, 'k'))), 414);
  EXPECT_EQ(status("GET / HTTP/1.1\r\nX: " + std::string(200, 'x')), 431);
  EXPECT_EQ(status("GET"), 408);
  EXPECT_EQ(status(get("/keys/")), 200);
}

TEST(DeimosFake, IsAClusterThatBreaksWhenToldTo) {
  FakeCluster cluster({"--quorum-timeout", "50", "--seed", "7"});
  EXPECT_EQ(ask(cluster.ports[0], put("/keys/a", "value=1")).status, 201);
  EXPECT_THAT(ask(cluster.ports[2], get("/keys/a")).body, HasSubstr(R"("value":"1")"));

  cluster.tell("/faults", R"({"kind": "partition", "groups": [[1], [2, 3]]})");
  EXPECT_EQ(ask(cluster.ports[0], put("/keys/a", "value=2")).status, 500);
  cluster.tell("/faults", R"("heal")");
  EXPECT_EQ(ask(cluster.ports[1], put("/keys/a", "value=3")).status, 200);

  cluster.tell("/rules", R"({"match": {"client": "victim"}, "action": {"kind": "answer", "error_code": 301}})");
  EXPECT_EQ(ask(cluster.ports[1], "GET /keys/a HTTP/1.1\r\nHost: a\r\nX-Deimos-Client: victim\r\n\r\n").status, 500);
  EXPECT_EQ(ask(cluster.ports[1], get("/keys/a")).status, 200);

  EXPECT_THAT(cluster.tell("/reset", ""), HasSubstr(R"("rules":[])"));
  EXPECT_EQ(ask(cluster.ports[1], get("/keys/a")).status, 404);
  EXPECT_EQ(ask(cluster.admin, post("/clock", R"({"advance": "1s"})")).status, 409);
}

TEST(DeimosFake, RefusesArgumentsThatCannotBeShowingAFewOfTheirBytes) {
  const std::string digits(300, '9');
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"--seed", "18446744073709551616"},
           {"--seed", digits},
           {"--seed", "-1"},
           {"--name", "two words"},
           {"--name", "two\nlines"},
           {"--advertise", "http://a b:1"},
           {"--advertise", "ftp://a:1"},
           {"--nodes", digits},
       }) {
    FakeProcess program(arguments);
    const std::string said = program.error_line();
    EXPECT_THAT(said, HasSubstr(arguments[0]));
    EXPECT_LT(said.size(), 350u);
    EXPECT_EQ(program.wait(), 2) << arguments[0] << " " << arguments[1];
  }
}

TEST(DeimosFake, TakesTheRequestsThatTheReadmeShows) {
  std::ifstream readme(DEIMOS_README);
  constexpr std::string_view shown = "curl localhost:4000";
  constexpr std::string_view with_body = " --json '";
  FakeCluster cluster;
  int taken = 0;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("curl 'localhost")) std::erase(line, '\'');  // It has a query.
    if (!line.starts_with(shown)) continue;
    const std::size_t body = line.find(with_body);
    const std::string target = line.substr(shown.size(), std::min(body, line.size()) - shown.size());
    const std::string request =
        body == std::string::npos
            ? get(target)
            : post(target, line.substr(body + with_body.size(), line.rfind('\'') - body - with_body.size()));
    EXPECT_EQ(ask(cluster.admin, request).status, 200) << line;
    ++taken;
  }
  EXPECT_GT(taken, 10);
}

/// As curl sends what a line of the README asks for: `curl localhost:2379TARGET [-X METHOD] [-d FIELD]…`.
std::string request_of(const std::string& line) {
  std::istringstream words(line);
  std::string word, target, form, method = "GET";
  words >> word >> target;
  target.erase(0, target.find('/'));
  while (words >> word) {
    std::string value;
    words >> value;
    if (word == "-X") method = value;
    if (word == "-d") form += (form.empty() ? "" : "&") + value;
  }
  return method == "PUT" ? put(target, form) : get(target);
}

TEST(DeimosFake, SpeaksEtcdAsTheReadmeShows) {
  std::ifstream readme(DEIMOS_README);
  FakeCluster cluster({"--dialect", "etcd2"});
  int taken = 0;
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with("curl localhost:2379") || line.find("2379/v3") != std::string::npos) continue;
    EXPECT_LT(ask(cluster.ports[0], request_of(line)).status, 300) << line;
    ++taken;
  }
  EXPECT_GT(taken, 5);
  // Rules know keys, not targets.
  cluster.tell("/rules",
               R"({"match": {"method": "PUT", "key": "/locks/*"}, "action": {"kind": "answer", "error_code": 300}})");
  const Response refused = ask(cluster.ports[1], put("/v2/keys/locks/a", "value=1"));
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body, R"({"errorCode":300,"message":"Raft Internal Error","index":0})"
                          "\n");
}

TEST(DeimosFake, SpeaksEtcdV3AsTheReadmeShows) {
  std::ifstream readme(DEIMOS_README);
  constexpr std::string_view shown = "curl localhost:2379/v3";
  FakeCluster cluster({"--dialect", "etcd3"});
  int taken = 0;
  for (std::string line; std::getline(readme, line);) {
    if (!line.starts_with(shown)) continue;
    const std::size_t path = line.find('/');
    const std::size_t body = line.find('\'') + 1;
    const std::string target = line.substr(path, line.find(' ', path) - path);
    EXPECT_EQ(ask(cluster.ports[0], post(target, line.substr(body, line.rfind('\'') - body))).status, 200) << line;
    ++taken;
  }
  EXPECT_GT(taken, 3);
  cluster.tell("/rules",
               R"({"match": {"method": "POST", "key": "/kv/put"}, "action": {"kind": "answer", "status": 503}})");
  EXPECT_EQ(ask(cluster.ports[1], post("/v3/kv/put", R"({"key":"YQ=="})")).status, 503);
}

TEST(DeimosFake, TheAdminApiMovesAManualClock) {
  FakeCluster cluster({"--clock", "manual"});
  ask(cluster.ports[0], put("/keys/a", "value=1&ttl=5"));
  EXPECT_THAT(cluster.tell("/clock", R"({"advance": "5s"})"), HasSubstr("2026-01-01T00:00:05Z"));
  EXPECT_EQ(ask(cluster.ports[0], get("/keys/a")).status, 404);
  cluster.tell("/faults", R"({"kind": "crash", "node": 1})");
  cluster.tell("/clock", R"({"advance": "4s"})");
  EXPECT_EQ(ask(cluster.ports[1], put("/keys/b", "value=1")).status, 201);
}

TEST(DeimosFake, HasNoAdminApiUnlessAskedFor) {
  FakeProcess program({"--listen", "127.0.0.1:0", "--nodes", "2"});
  const std::uint16_t port = port_of(program.output_line());
  program.output_line();
  EXPECT_EQ(ask(port, get("/cluster")).status, 404);
  EXPECT_EQ(ask(port, post("/reset", "")).status, 404);
  program.signal(SIGTERM);
  EXPECT_EQ(program.output_line(), "");
}

TEST(DeimosFake, NamesEachNodeAndItsUrl) {
  FakeCluster cluster({"--name", "a,b,c", "--advertise", "http://x:1,http://y:2,http://z:3"});
  EXPECT_EQ(ask(cluster.ports[0], get("/machines")).body, "http://x:1, http://y:2, http://z:3");
  EXPECT_THAT(ask(cluster.admin, get("/cluster")).body, HasSubstr(R"("name":"b","client_url":"http://y:2")"));
}

TEST(DeimosFake, RefusesBadOptionsBeforeItStarts) {
  const std::vector<std::vector<std::string>> bad = {
      {"--listen", "4001"},
      {"--listen", "127.0.0.1:70000"},
      {"--listen", ":4001"},
      {"--listen", "::1:4001"},
      {"--listen", "127.0.0.1:"},
      {"--listen", "127.0.0.1:40x"},
      {"--clock", "sundial"},
      {"--max-body", "0"},
      {"--max-body", "-1"},
      {"--request-time", "forever"},
      {"--nonsense"},
      {"stray"},
      {"--nodes", "0"},
      {"--nodes", "100"},
      {"--seed", "-1"},
      {"--seed", "x"},
      {"--admin", "4000"},
      {"--admin", "0.0.0.0:4000"},
      {"--admin", "127.0.0.1.example.org:4000"},
      {"--admin", "[::]:4000"},
      {"--read-mode", "any"},
      {"--missed-sweeps", "1.5"},
      {"--name", "a,b"},
      {"--advertise", "a,b"},
      {"--quorum-timeout", "0"},
      {"--journal", "-1"},
      {"--data", "/no/such/file"},
      {"--plan", "/no/such/file"},
  };
  for (const std::vector<std::string>& arguments : bad) {
    FakeProcess program(arguments);
    EXPECT_EQ(program.output_line(), "") << arguments.back();
    const std::string message = program.error_line();
    EXPECT_THAT(message, StartsWith("deimos-fake: ")) << arguments.back();
    EXPECT_THAT(message, HasSubstr(arguments.front())) << arguments.back();
    EXPECT_EQ(program.wait(), 2) << arguments.back();
  }
}

TEST(DeimosFake, SaysThatThePortIsTaken) {
  FakeProcess first({"--listen", "127.0.0.1:0"});
  const std::string url = first.output_line();
  FakeProcess second({"--listen", url.substr(7)});
  EXPECT_THAT(second.error_line(), HasSubstr("cannot listen on " + url.substr(7)));
  EXPECT_EQ(second.wait(), 1);
}

TEST(DeimosFake, ExplainsItself) {
  FakeProcess program({"--help"});
  EXPECT_THAT(program.output_line(), Not(IsEmpty()));
  EXPECT_EQ(program.wait(), 0);
}

}  // namespace
}  // namespace deimos::fake
