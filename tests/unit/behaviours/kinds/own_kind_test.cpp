// SPDX-License-Identifier: MIT
// Tests that a kind of child can be added without a change to the daemon: a supervisor starts, restarts and
// stops such a child, gives it other options while it runs, and the tree shows it.
#include <doctest/doctest.h>

#include <chrono>

#include "../test_host.hpp"
#include "behaviours/supervision/order.hpp"
#include "held_clock.hpp"
#include "tally.hpp"

using namespace coppice;
using namespace coppice::test;
using behaviours::child_spec;
using behaviours::supervisor_order;
using what = supervisor_order::kind;

namespace {

struct tally_host : test_host {
  tally_host() {
    resources.give(board);
    behaviours::supervisor_spec top;
    top.name = "family";
    top.intensity = 10;
    top.children.push_back(tally_of(1));
    top.children.push_back(std::make_shared<child_spec>(actor("b")));
    REQUIRE(supervise(std::move(top)).first);
  }
  ~tally_host() { system.stop(); } // before the board is destroyed

  static std::shared_ptr<const child_spec> tally_of(std::uint64_t step) {
    auto out = std::make_shared<child_spec>();
    out->id = runtime::message::atom("tally");
    out->name = "tally";
    out->kind = std::make_shared<const tally_kind>(tally_spec{step});
    return out;
  }
  std::string give(what order, std::uint64_t step) {
    return run([&](runtime::process& self) {
      const auto request = orders.add(supervisor_order{order, tally_of(step)});
      const auto answer = behaviours::gen::call(self, runtime::destination::named("family"), request.bytes(),
                                                base::mono_now() + 10 * base::nanos_per_second);
      return answer ? text(*answer) : std::string("no answer");
    });
  }
  std::string add() { return call(runtime::destination::named("tally"), "add"); }
  runtime::pid pid() { return system.whereis("tally").value_or(runtime::pid()); }

  tally_board board;
};

} // namespace

TEST_CASE(
    "a kind of its own is started by a supervisor, counts where the node has said, and is in the tree") {
  tally_host host;
  CHECK(host.add() == "1");
  CHECK(host.add() == "2");
  CHECK(host.board.adds == 2);
  const auto rows = host.tree.children_of(host.system.whereis("family").value());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].behaviour == "tally");
  CHECK_FALSE(rows[0].is_supervisor);
  CHECK(rows[0].pid == host.pid());
}

TEST_CASE("a kind of its own takes on other options as it runs, or refuses them") {
  tally_host host;
  CHECK(host.add() == "1");
  const runtime::pid before = host.pid();
  CHECK(host.give(what::update, 5) == "{ok,updated}");
  CHECK(host.add() == "6");
  CHECK(host.give(what::update, 0) == "{error,bad_step}");
  CHECK(host.add() == "11");
  CHECK(host.pid() == before);
  CHECK(host.board.restart_notices == 0);
}

TEST_CASE("a kind of its own hears that it is replaced, and not that it is stopped for good") {
  tally_host host;
  const runtime::pid before = host.pid();
  CHECK(host.give(what::replace, 3) == "{ok,restarted}");
  CHECK(host.pid() != before);
  CHECK(host.board.restart_notices == 1);
  CHECK(host.add() == "3");
  CHECK(host.give(what::remove, 3) == "{ok,stopped}");
  CHECK_FALSE(host.pid());
  CHECK(host.board.restart_notices == 1);
}

TEST_CASE("what a kind keeps for a child outlives restarts, and no stop") {
  tally_host host;
  CHECK(host.board.opened == 1);
  const runtime::pid before = host.pid();
  CHECK(host.call(runtime::destination::named("tally"), "crash") == "!exit crash");
  const auto restarted = [&] {
    const runtime::pid now = host.pid();
    return now && now != before;
  };
  const base::nanos until = base::mono_now() + 10 * base::nanos_per_second;
  while (!restarted() && base::mono_now() < until) coppice::test::pause(std::chrono::milliseconds(1));
  REQUIRE(restarted());
  CHECK(host.board.opened == 1);
  CHECK(host.call(runtime::destination::named("family"), "{terminate_child, tally}") == "ok");
  CHECK(host.call(runtime::destination::named("family"), "{restart_child, tally}").starts_with("{ok,"));
  CHECK(host.board.opened == 2);
}

TEST_CASE("an actor that takes no streams is not started for a kind that gives it some") {
  class given_nothing final : public behaviours::equipped_actor {
    std::string_view gives() const override { return "letters"; }
    bool equip(behaviours::stream_taker&, const behaviours::child_start&) const override { return true; }
  };
  test_host host;
  behaviours::supervisor_spec top;
  auto child = actor("a");
  child.kind = std::make_shared<const given_nothing>();
  top.children.push_back(std::make_shared<child_spec>(std::move(child)));
  const auto [pid, why] = host.supervise(std::move(top));
  CHECK_FALSE(pid);
  CHECK(why.find("scribe takes no letters") != std::string::npos);
}
