// SPDX-License-Identifier: MIT
// When the nodes of distribution.peers are due, with the times given by the test.
#include "services/kept_peers.hpp"

#include <doctest/doctest.h>

#include "dist/cluster.hpp"

using namespace coppice;
using namespace coppice::dist::testing;
using services::kept_peers;

namespace {

constexpr base::nanos second = base::nanos_per_second;

} // namespace

TEST_CASE("a node that is away is tried after 1 s to 30 s, each wait twice the one before") {
  epmd_server epmd;
  cluster_node here(epmd, "a@127.0.0.1");
  kept_peers peers(here.router, "a@127.0.0.1");
  peers.change({"a@127.0.0.1", "b@127.0.0.1", "b@127.0.0.1"});
  CHECK(peers.away() == std::vector<std::string>{"b@127.0.0.1"}); // its own name is passed over
  base::nanos now = base::mono_now();
  CHECK(peers.look(now).due.empty());
  peers.begin();
  auto plan = peers.look(now);
  REQUIRE(plan.due.size() == 1);
  CHECK(plan.due[0].name == "b@127.0.0.1");
  CHECK(peers.look(now).due.empty()); // under way
  CHECK_FALSE(peers.all_tried());
  for (const base::nanos wait : {1, 2, 4, 8, 16, 30, 30}) {
    CAPTURE(wait);
    peers.ended("b@127.0.0.1", false, now);
    CHECK(peers.all_tried());
    plan = peers.look(now);
    CHECK(plan.due.empty());
    REQUIRE(plan.next_at.has_value());
    CHECK(*plan.next_at == now + wait * second);
    CHECK(peers.look(*plan.next_at - 1).due.empty());
    now = *plan.next_at;
    CHECK(peers.look(now).due.size() == 1);
  }
}

TEST_CASE("a lost connection is made anew after a second, and one that an operator ended is not") {
  epmd_server epmd;
  dist::options never;
  never.cookie = "secret";
  never.connect = false;
  cluster_node here(epmd, "a@127.0.0.1", never);
  auto there = std::make_unique<cluster_node>(epmd, "b@127.0.0.1");
  kept_peers peers(here.router, "a@127.0.0.1");
  peers.change({"b@127.0.0.1"});
  peers.begin();
  auto plan = peers.look(0);
  REQUIRE(plan.due.size() == 1);
  const std::uint32_t node = plan.due[0].node;
  here.router.connect(node, {});
  REQUIRE(eventually([&] { return peers.away().empty(); }));
  peers.ended("b@127.0.0.1", true, 0);
  CHECK_FALSE(peers.look(second).next_at.has_value());
  there.reset();
  REQUIRE(eventually([&] { return !peers.away().empty(); }));
  plan = peers.look(10 * second);
  CHECK(plan.due.empty());
  REQUIRE(plan.next_at.has_value());
  CHECK(*plan.next_at == 11 * second);
  const auto shown = here.router.peers();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].losses == 1);
  CHECK(shown[0].heard >= base::nanos_per_second);
  CHECK(shown[0].kept);

  // Held, neither side connects.
  CHECK(peers.hold("b@127.0.0.1"));
  CHECK_FALSE(peers.hold("c@127.0.0.1"));
  CHECK_FALSE(peers.look(100 * second).next_at.has_value());
  there = std::make_unique<cluster_node>(epmd, "b@127.0.0.1");
  const actor asker(there->host);
  const auto connects = [](cluster_node& from, cluster_node& to, const actor& by) {
    const auto answer = by.run([&](runtime::process& self) {
      const auto ref = self.make_ack();
      from.router.connect(from.index(to), ref);
      const auto got = self.await(ref);
      return got ? *got : runtime::message::atom("none");
    });
    etf::cursor at(answer.bytes());
    bool made = false;
    REQUIRE((at.read_tuple_of(2) && at.skip() && at.read_bool(made)));
    return made;
  };
  CHECK_FALSE(connects(*there, here, asker));
  const actor own(here.host);
  CHECK_FALSE(connects(here, *there, own));
  peers.resume("b@127.0.0.1");
  CHECK(peers.look(100 * second).due.size() == 1);
  CHECK(connects(*there, here, asker));

  // One that leaves the list stays connected, and is tried no more.
  peers.change({});
  CHECK(here.router.connected(node));
  CHECK(peers.look(200 * second).due.empty());
  CHECK(peers.away().empty());
}
