// SPDX-License-Identifier: MIT
// Tests of the times at which nodes of distribution.peers are due; the test sets the time.
#include "services/peers/kept_peers.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

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
  kept_peers peers(here.router, "a@127.0.0.1", [] { return 0; });
  peers.change({"a@127.0.0.1", "b@127.0.0.1", "b@127.0.0.1"});
  CHECK(peers.away() == std::vector<std::string>{"b@127.0.0.1"}); // the node's own name is ignored
  base::nanos now = base::mono_now();
  CHECK(peers.look(now).due.empty());
  peers.begin();
  auto plan = peers.look(now);
  REQUIRE(plan.due.size() == 1);
  CHECK(plan.due[0].name == "b@127.0.0.1");
  CHECK(peers.look(now).due.empty()); // an attempt is in progress
  CHECK_FALSE(peers.all_tried());
  for (const base::nanos wait : {2, 4, 8, 16, 30, 30}) {
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

TEST_CASE("the wait is drawn from its second half, so that two nodes do not try in step") {
  epmd_server epmd;
  cluster_node here(epmd, "a@127.0.0.1");
  double drawn = 0;
  kept_peers peers(here.router, "a@127.0.0.1", [&drawn] { return drawn; });
  peers.change({"b@127.0.0.1"});
  peers.begin();
  base::nanos now = 0;
  struct row {
    double drawn;
    double seconds;
  };
  for (const row& each : {row{0, 2}, row{0.5, 3}, row{0.999'999, 4}, row{0.25, 14}, row{0.75, 18.75},
                          row{0.999'999, 15}, row{0, 30}}) {
    CAPTURE(each.seconds);
    REQUIRE(peers.look(now).due.size() == 1);
    drawn = each.drawn;
    peers.ended("b@127.0.0.1", false, now);
    const auto plan = peers.look(now);
    REQUIRE(plan.next_at.has_value());
    const double waited = static_cast<double>(*plan.next_at - now) / static_cast<double>(second);
    CHECK(waited == doctest::Approx(each.seconds).epsilon(0.0001));
    now = *plan.next_at;
  }
  // The default is random waits: of 64 nodes that are lost at once, not all are due at once.
  std::vector<std::string> many;
  for (int i = 0; i < 64; ++i) many.push_back("n" + std::to_string(i) + "@127.0.0.1");
  kept_peers own(here.router, "a@127.0.0.1");
  own.change(many);
  own.begin();
  for (const auto& one : own.look(now).due) own.ended(one.name, false, now);
  const auto first = own.look(now).next_at;
  REQUIRE(first.has_value());
  CHECK(*first >= now + second);
  const std::size_t due = own.look(*first).due.size();
  CHECK(due >= 1);
  CHECK(due < 64);
}

TEST_CASE("a lost connection is made anew after one to two seconds, and one that an operator ended is not") {
  epmd_server epmd;
  dist::options never;
  never.cookie = "secret";
  never.connect = false;
  cluster_node here(epmd, "a@127.0.0.1", never);
  auto there = std::make_unique<cluster_node>(epmd, "b@127.0.0.1");
  kept_peers peers(here.router, "a@127.0.0.1", [] { return 0.5; });
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
  CHECK(*plan.next_at == 10 * second + second * 3 / 2);
  const auto shown = here.router.peers();
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].losses == 1);
  CHECK(shown[0].heard >= base::nanos_per_second);
  CHECK(shown[0].kept);

  // While a peer is held, neither side connects.
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

  // A peer that leaves the list stays connected, and is not tried any more.
  peers.change({});
  CHECK(here.router.connected(node));
  CHECK(peers.look(200 * second).due.empty());
  CHECK(peers.away().empty());
}
