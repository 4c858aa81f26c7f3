// What answers cost while they are written, and after; and how long a client may take for them.
#include <malloc.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include <deimos/fake/http_server.h>
#include <deimos/fake/node.h>

#include "http/http_output.h"
#include "http/raw_client.h"

/// Of the sanitizers, where there is one; GCC has no header for it.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes() __attribute__((weak));

namespace deimos::fake {
namespace {

using std::chrono::milliseconds;

/// What this process has allocated, in bytes.
std::size_t allocated() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.uordblks + heap.hblkhd;
}

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

class HttpOutputTest : public testing::Test {
 protected:
  /// Gives a key a value of so many bytes.
  void write(std::size_t bytes, const std::string& key = "/keys/all/a") {
    Request request;
    request.method = "PUT";
    request.target = key;
    request.body = "value=" + std::string(bytes, 'v');
    request.content_type = "application/x-www-form-urlencoded";
    ASSERT_LT(node_.handle(request).status, 300);
  }
  std::vector<RawClient> ask(int clients, const HttpServer& server, const std::string& target) {
    std::vector<RawClient> asking;
    for (int i = 0; i < clients; ++i) asking.emplace_back(server.port()).send(get(target));
    return asking;
  }

  Node node_;
};

/// All that is still to be written, taken `step` bytes at a time.
std::string drained(HttpOutput& output, std::size_t step) {
  std::string text;
  while (!output.empty()) {
    std::string piece(step, '\0');
    piece.resize(boost::asio::buffer_copy(boost::asio::buffer(piece), output.buffers()));
    text += piece;
    output.written(piece.size());
  }
  return text;
}

TEST(HttpOutput, GivesTextsOfItsOwnAndOfOthersInOrder) {
  const auto large = std::make_shared<const std::string>(10'000, 'l');
  const auto small = std::make_shared<const std::string>("small");
  for (const std::size_t step : {1U, 7U, 9'999U, 100'000U}) {
    HttpOutput output;
    std::string expected;
    for (int i = 0; i < 20; ++i) {  // More pieces than one call takes.
      output.text() += "own";
      output.share(large);
      output.share(small);
      expected += "own" + *large + *small;
    }
    EXPECT_EQ(drained(output, step), expected) << step;
    output.text() += "again";
    EXPECT_EQ(drained(output, step), "again");
  }
  EXPECT_EQ(large.use_count(), 1) << "what is written is let go";
}

TEST(HttpOutput, ForgetsWhatItSharedWithTheRest) {
  HttpOutput output;
  output.share(std::make_shared<const std::string>(10'000, 'l'));
  output.clear();
  EXPECT_TRUE(output.empty());
  output.text() += "new";
  EXPECT_EQ(drained(output, 100), "new");
}

TEST_F(HttpOutputTest, AnIdleConnectionKeepsNothingOfItsLastAnswer) {
  write(4 * mebibyte);
  const HttpServer server(node_);
  const std::size_t before = allocated();
  std::vector<RawClient> clients = ask(10, server, "/keys/all/a");
  for (RawClient& client : clients) EXPECT_EQ(client.answer().status, 200);
  EXPECT_LT(allocated(), before + 10 * mebibyte) << "10 answers of 4 MiB were sent";
}

TEST_F(HttpOutputTest, WatchersThatDoNotReadShareTheTextOfAnEvent) {
  const HttpServer server(node_, {.limits = {.answer_time = std::chrono::minutes(5)}});  // None is cut.
  std::vector<RawClient> clients = ask(6, server, "/keys/all/a?wait=true&stream=true");
  for (RawClient& client : clients) EXPECT_EQ(client.head().status, 200);
  const std::size_t before = allocated();
  write(8 * mebibyte);  // More than sockets hold.
  write(1);             // Its event shows the value before it too.
  write(1);
  EXPECT_LT(allocated(), before + 64 * mebibyte) << "6 watchers are sent two events of 8 MiB";
  EXPECT_EQ(node_.statistics().watchers, 6U);
  for (RawClient& client : clients) {
    const std::string event = client.chunk();
    EXPECT_TRUE(event.ends_with("}}\n")) << "all of it came";
    EXPECT_THAT(event, testing::HasSubstr(std::string(8 * mebibyte, 'v')));
    EXPECT_THAT(client.chunk(), testing::HasSubstr(std::string(8 * mebibyte, 'v')));
    EXPECT_LT(client.chunk().size(), 1000U) << "a small one after large ones";
  }
}

TEST_F(HttpOutputTest, AClientThatTakesNothingOfItsAnswerIsCut) {
  write(8 * mebibyte);
  const HttpServer server(node_, {.limits = {.answer_time = milliseconds(30)}});
  const std::vector<RawClient> clients = ask(1, server, "/keys/all/a");
  EXPECT_TRUE(eventually([&] { return node_.statistics().requests == 2 && server.connections() == 0; }));
}

/// Takes 16 KiB a millisecond, at most, until it has so many bytes or the server is rid of it.
std::size_t trickle(RawClient& client, const HttpServer& server, std::size_t bytes) {
  std::size_t taken = 0;
  EXPECT_TRUE(eventually([&] {
    taken += client.take_some(std::size_t{16} << 10U);
    return taken >= bytes || server.connections() == 0;
  }));
  return taken;
}

TEST_F(HttpOutputTest, AClientThatTakesItsAnswerInATrickleIsCut) {
  write(8 * mebibyte);
  write(8 * mebibyte, "/keys/all/b");
  const HttpServer server(node_, {.limits = {.answer_time = milliseconds(300), .answer_bytes = 64 * mebibyte}});
  EXPECT_LT(trickle(ask(1, server, "/keys/all")[0], server, 16 * mebibyte), 16 * mebibyte);
}

TEST_F(HttpOutputTest, AClientThatTakesEnoughHasAllTheTimeItNeeds) {
  write(8 * mebibyte);
  write(8 * mebibyte, "/keys/all/b");
  const HttpServer server(node_, {.limits = {.answer_time = milliseconds(300), .answer_bytes = 1}});
  EXPECT_GE(trickle(ask(1, server, "/keys/all")[0], server, 16 * mebibyte), 16 * mebibyte);
}

}  // namespace
}  // namespace deimos::fake
