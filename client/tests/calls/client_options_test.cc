#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include <deimos/client.h>

#include "calls/options_check.h"
#include "wire/endpoint_url.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(EndpointUrl, HasOneSpelling) {
  const auto canonical = [](std::string_view text) { return EndpointUrl::parse(text).value().text(); };
  EXPECT_EQ(canonical("http://127.0.0.1:4001"), "http://127.0.0.1:4001");
  EXPECT_EQ(canonical("HTTP://Node-1.Example:4001/"), "http://node-1.example:4001");
  EXPECT_EQ(canonical("http://a"), "http://a:80");
  EXPECT_EQ(canonical("https://a"), "https://a:443");
  EXPECT_EQ(canonical("http://[2001:DB8::1]:4001"), "http://[2001:db8::1]:4001");
  EXPECT_EQ(canonical("http://[::1]"), "http://[::1]:80");
  EXPECT_EQ(EndpointUrl::parse("http://[::1]:1").value().host, "::1");
  EXPECT_EQ(canonical("http://[fe80::1%Eth0]:1"), "http://[fe80::1%Eth0]:1");
  EXPECT_EQ(canonical("http://[FE80::1%25wlan-0.1]:1"), "http://[fe80::1%wlan-0.1]:1");
  EXPECT_EQ(EndpointUrl::parse("http://[fe80::1%eth0]:1").value().host, "fe80::1");
  EXPECT_EQ(EndpointUrl::parse("http://[fe80::1%eth0]:1").value().zone, "eth0");
}

TEST(EndpointUrl, IsRefusedWithItsOwnTextInTheReason) {
  for (const char* text : {"",
                           "127.0.0.1:4001",
                           "ftp://a",
                           "http://",
                           "http://:80",
                           "http://a:",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:-1",
                           "http://a:80x",
                           "http://a/v2",
                           "http://a?x",
                           "http://a#x",
                           "http://u:p@a",
                           "http://a b",
                           "http://a\r\nX: y",
                           "http://[::1",
                           "http://[::1]x",
                           "http://[zz]",
                           "http://[fe80::1%]",
                           "http://[fe80::1%25]",
                           "http://[fe80::1%a/b]",
                           "http://[fe80::1%a b]",
                           "http://host%eth0",
                           "http://::1"}) {
    const auto url = EndpointUrl::parse(text);
    ASSERT_FALSE(url) << text << " became " << url->text();
    EXPECT_THAT(url.error(), HasSubstr(text));
  }
}

struct Refused {
  const char* name;
  std::function<void(ClientOptions&)> spoil;
  const char* said;
};

class Options : public ::testing::TestWithParam<Refused> {};

TEST_P(Options, AreRefusedSayingWhichAndWhy) {
  ClientOptions options{.endpoints = {"http://127.0.0.1:1"}};
  ASSERT_TRUE(Client::make(options));
  GetParam().spoil(options);
  const auto client = Client::make(options);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, errc::invalid_argument);
  EXPECT_THAT(client.error().message, HasSubstr(GetParam().said));
  EXPECT_THROW(Client{options}, std::system_error);
}

INSTANTIATE_TEST_SUITE_P(
    Wrong, Options,
    ::testing::Values(
        Refused{"no_endpoint", [](auto& o) { o.endpoints.clear(); }, "endpoints"},
        Refused{"bad_endpoint", [](auto& o) { o.endpoints.push_back("node2:4001"); }, "node2:4001"},
        Refused{"request_timeout", [](auto& o) { o.request_timeout = 0s; },
                "request_timeout must be at least 1ms, but is 0s"},
        Refused{"attempt_timeout", [](auto& o) { o.attempt_timeout = -1s; },
                "attempt_timeout must be at least 1ms, but is -1s"},
        Refused{"connect_timeout", [](auto& o) { o.connect_timeout = 1us; },
                "connect_timeout must be at least 1ms, but is 1us"},
        Refused{"poll_timeout", [](auto& o) { o.poll_timeout = 0s; }, "poll_timeout"},
        Refused{"sync_interval", [](auto& o) { o.sync_interval = -1s; },
                "sync_interval must not be negative, but is -1s"},
        Refused{"attempts", [](auto& o) { o.retry.max_attempts = -1; },
                "retry.max_attempts must not be negative, but is -1"},
        Refused{"initial", [](auto& o) { o.retry.initial_backoff = 0s; }, "initial_backoff"},
        Refused{"max", [](auto& o) { o.retry.max_backoff = 1ms; },
                "retry.max_backoff must not be below retry.initial_backoff, but is 1ms"},
        Refused{"multiplier", [](auto& o) { o.retry.multiplier = 0.5; },
                "retry.multiplier must be at least 1, but is 0.5"},
        Refused{"not_a_number", [](auto& o) { o.retry.multiplier = std::numeric_limits<double>::quiet_NaN(); },
                "multiplier"},
        Refused{"jitter", [](auto& o) { o.retry.jitter = 1.5; }, "retry.jitter must be from 0 to 1, but is 1.5"},
        Refused{"header_name",
                [](auto& o) {
                  o.headers = {{"X Y", "z"}};
                },
                "X Y"},
        Refused{"header_value",
                [](auto& o) {
                  o.headers = {{"X-Y", "a\r\nEvil: b"}};
                },
                "X-Y"},
        Refused{"header_of_ours",
                [](auto& o) {
                  o.headers = {{"content-LENGTH", "1"}};
                },
                "content-LENGTH"},
        Refused{"two_credentials",
                [](auto& o) {
                  o.credentials = {"u", "p"};
                  o.headers = {{"authorization", "x"}};
                },
                "Authorization"},
        Refused{"user",
                [](auto& o) {
                  o.credentials = {"u:v", "p"};
                },
                "credentials.user must not contain `:`"},
        Refused{"key_file", [](auto& o) { o.tls.key_file = "/key"; }, "certificate_file"},
        Refused{"answer_size", [](auto& o) { o.max_answer_bytes = 0; }, "max_answer_bytes"}),
    [](const auto& test) { return test.param.name; });

TEST(Options, NameEachEndpointOnce) {
  const Client client({.endpoints = {"http://a:80", "http://A/", "http://b"}});
  EXPECT_EQ(client.endpoints(), (std::vector<std::string>{"http://a:80", "http://b:80"}));
}

TEST(Credentials, GoOutAsBasicAuthentication) {
  const auto authorization = [](std::string user, std::string password) {
    const ClientOptions options{.credentials = Credentials{std::move(user), std::move(password)}};
    return *find_header(standing_headers(options), "Authorization");
  };
  EXPECT_EQ(authorization("a", "b"), "Basic YTpi");
  EXPECT_EQ(authorization("user", "pass"), "Basic dXNlcjpwYXNz");
  EXPECT_EQ(authorization("user", ""), "Basic dXNlcjo=");
  EXPECT_EQ(authorization("u\xff", "\xfe"), "Basic df86/g==");
}

}  // namespace
}  // namespace deimos
