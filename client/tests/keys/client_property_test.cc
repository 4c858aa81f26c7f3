// For any key, any value, any trouble between client and store. A failure prints how to run it again (RC_PARAMS).
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

#include <deimos/client.h>
#include <deimos/fake/in_process_transport.h>
#include <deimos/fake/node.h>

#include "wire/scripted_transport.h"

namespace deimos {
namespace {

using namespace std::chrono_literals;

/// Valid UTF-8 of one to four bytes a character, the awkward ones of ASCII more often.
rc::Gen<std::string> text() {
  const auto character = rc::gen::weightedOneOf<std::string>(
      {{3, rc::gen::map(rc::gen::inRange(1, 128), [](int c) { return std::string(1, static_cast<char>(c)); })},
       {3, rc::gen::elementOf(std::vector<std::string>{"%", "+", "&", "=", ";", "?", "#", " ", "\"", "\\", "\n", "<"})},
       {1, rc::gen::elementOf(std::vector<std::string>{"\u00fc", "\u2028", "\u20ac", "\U0001F512"})}});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(character), [](const auto& characters) {
    std::string all;
    for (const std::string& one : characters) all += one;
    return all;
  });
}

rc::Gen<std::string> key() {
  const auto part = rc::gen::map(text(), [](std::string raw) {
    std::erase(raw, '/');
    return raw.empty() || raw == "." || raw == ".." ? std::string("x") : raw;
  });
  return rc::gen::map(rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(part))),
                      [](const std::vector<std::string>& parts) {
                        std::string all;
                        for (const std::string& one : parts) all += "/" + one;
                        return all;
                      });
}

/// A client of one fake node, in no time at all.
struct World {
  explicit World(std::uint64_t seed = 1) : runtime(seed) {}
  ManualRuntime runtime;
  fake::Node node;
  fake::InProcessTransport transport{runtime, node};
  Client client{{.endpoints = {"http://127.0.0.1:4001"}, .runtime = borrow(runtime), .transport = borrow(transport)}};
};

RC_GTEST_PROP(ClientProperty, AnyKeyAndValueComeBackAsTheyWent, ()) {
  World world;
  const std::string name = *key();
  const std::string value = *text();
  const Answer set = world.client.set(name, value).value();
  RC_ASSERT(set.node.key == name);
  RC_ASSERT(set.node.value == value);
  const Answer got = world.client.get(name).value();
  RC_ASSERT(got.node == set.node);
  if (value.empty()) return;
  RC_ASSERT(world.client.compare_and_swap(name, "other", {.value = value}));
  RC_ASSERT(world.client.compare_and_delete(name, {.value = value}).error().code == errc::compare_failed);
  RC_ASSERT(world.client.compare_and_delete(name, {.value = "other"}));
}

RC_GTEST_PROP(ClientProperty, AnyBytesAsAKeyAreEitherUsedOrRefused, (const std::string& name)) {
  World world;
  const auto requests = world.node.statistics().requests;
  const auto set = world.client.set(name, "v");
  if (!set && set.error().code == errc::invalid_key) {
    RC_ASSERT(world.node.statistics().requests == requests);
  } else {
    RC_ASSERT(set || name == "/");
  }
}

/// What may come between a poll and its answer.
enum class Trouble { none, refused, lost_request, lost_answer, empty_body, status_500, garbage, timed_out };

rc::Gen<std::vector<Trouble>> troubles(Trouble first) {
  const auto one =
      rc::gen::map(rc::gen::inRange(static_cast<int>(first), 8), [](int n) { return static_cast<Trouble>(n); });
  return rc::gen::map(rc::gen::container<std::vector<Trouble>>(one), [](std::vector<Trouble> all) {
    // A server that never answers as Deimos does ends a watch, as it should.
    int garbage = 0;
    for (Trouble& trouble : all) {
      if (trouble == Trouble::garbage && ++garbage > 4) trouble = Trouble::refused;
    }
    return all;
  });
}

/// Passes requests on to the node, with trouble; writes to the watched tree between the polls.
class TroubledTransport final : public Transport {
 public:
  TroubledTransport(World& world, std::vector<Trouble> troubles) : world_(world), troubles_(std::move(troubles)) {}

  [[nodiscard]] Exchange exchange(const std::string& endpoint, const Request& request, TimePoint deadline,
                                  std::stop_token stop) override {
    const Trouble trouble = next_ < troubles_.size() ? troubles_[next_++] : Trouble::none;
    switch (trouble) {
      case Trouble::refused: return failure(Failure::Reason::refused, Delivery::not_sent);
      case Trouble::lost_request: return failure(Failure::Reason::broken, Delivery::unknown);
      case Trouble::empty_body: return Response{.status = 200, .headers = {}, .body = {}};
      case Trouble::status_500: return Response{.status = 500, .headers = {}, .body = "Internal Server Error\n"};
      case Trouble::garbage: return Response{.status = 200, .headers = {}, .body = "{\"action\":\"set\",\"no"};
      case Trouble::timed_out: return failure(Failure::Reason::timed_out, Delivery::unknown);
      case Trouble::lost_answer:
        (void)world_.transport.exchange(endpoint, request, deadline, std::move(stop));
        return failure(Failure::Reason::broken, Delivery::unknown);
      case Trouble::none: break;
    }
    return world_.transport.exchange(endpoint, request, deadline, std::move(stop));
  }
  void close() noexcept override {}

 private:
  World& world_;
  std::vector<Trouble> troubles_;
  std::size_t next_ = 0;
};

RC_GTEST_PROP(ClientProperty, AWatchSeesEveryEventOnceAndInOrderUnderAnyTrouble, ()) {
  World world(*rc::gen::arbitrary<std::uint64_t>());
  TroubledTransport transport(world, *troubles(Trouble::none));
  const Client client(
      {.endpoints = {"http://127.0.0.1:4001"}, .runtime = borrow(world.runtime), .transport = borrow(transport)});

  std::vector<std::uint64_t> expected;
  const auto write = [&] {
    const bool inside = *rc::gen::arbitrary<bool>();
    const Answer written =
        world.client.set(inside ? "/tree/" + std::to_string(expected.size() % 3) : "/elsewhere", "v").value();
    if (inside) expected.push_back(written.index);
  };
  const std::uint64_t first = world.client.set("/before", "v").value().index + 1;
  Watch watch = client.watch("/tree", {.recursive = true, .from_index = first});
  std::vector<std::uint64_t> seen;
  const int rounds = *rc::gen::inRange(1, 20);
  for (int round = 0; round < rounds; ++round) {
    const int writes = *rc::gen::inRange(0, 5);
    for (int i = 0; i < writes; ++i) write();
    while (seen.size() < expected.size()) seen.push_back(watch.next().value().node.modified_index);
  }
  RC_ASSERT(seen == expected);
}

RC_GTEST_PROP(ClientProperty, EveryCallEndsByItsDeadlineUnderAnyTrouble, ()) {
  World world(*rc::gen::arbitrary<std::uint64_t>());
  TroubledTransport transport(world, *troubles(Trouble::refused));
  const Client client({.endpoints = {"http://127.0.0.1:4001", "http://127.0.0.1:4002"},
                       .runtime = borrow(world.runtime),
                       .transport = borrow(transport)});
  const Duration timeout = std::chrono::milliseconds(*rc::gen::inRange(1, 5000));
  const TimePoint deadline = world.runtime.now() + timeout;
  if (*rc::gen::arbitrary<bool>()) {
    (void)client.get("/a", {.timeout = timeout});
  } else {
    (void)client.set("/a", "v", {.timeout = timeout});
  }
  RC_ASSERT(world.runtime.now() <= deadline);
}

RC_GTEST_PROP(ClientProperty, AWriteIsAppliedAtMostOnceAndExactlyOnceIfItSucceeds, ()) {
  World world(*rc::gen::arbitrary<std::uint64_t>());
  TroubledTransport transport(world, *troubles(Trouble::none));
  const Client client(
      {.endpoints = {"http://127.0.0.1:4001"}, .runtime = borrow(world.runtime), .transport = borrow(transport)});
  const auto posted = client.create_in_order("/queue", "me");
  const auto listing = world.client.get("/queue");
  const std::size_t applied = listing ? listing->node.children.size() : 0;
  if (posted) {
    RC_ASSERT(applied == 1U);
  } else if (posted.error().code == condition::outcome_unknown) {
    RC_ASSERT(applied <= 1U);
  } else {
    RC_ASSERT(applied == 0U);
  }
}

}  // namespace
}  // namespace deimos
