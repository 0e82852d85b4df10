// SPDX-License-Identifier: MIT
// The test of my_saga, without a node: it gives back the things of a step once for a key, also over a
// reload. Exits with the number of checks that failed.
#include <coppice/testing/saga.hpp>

#include <cstdio>

#include "my_saga.cpp"

int main() {
  using namespace coppice::testing;
  using kind = saga_answer::kind;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  const std::map<coppice::etf::atom, std::int64_t> args{{coppice::etf::atom{"has"}, 5}};
  const value both = std::tuple(coppice::etf::atom{"both"}, std::string("east"), std::string("west"), 2);
  const value reserve = std::pair(coppice::etf::atom{"reserve"}, 2);

  actor place(plugin::linked(), {.args = args});
  saga_in_test steps(place);
  const saga_answer& plan = steps.start(both);
  check(plan.what == kind::steps && plan.steps.size() == 2, "a transaction has two steps");
  check(plan.steps.at(0).to == "east" && plan.steps.at(1).what == reserve, "one at each place");
  check(steps.start(atom("what")).what == kind::failed, "anything else is refused");

  check(steps.perform(reserve).term == 3, "things are reserved");
  check(steps.perform(reserve, {.attempt = 2}).term == 3, "once for a key");
  check(steps.perform(std::pair(coppice::etf::atom{"reserve"}, 4), {.step = 2}).term == atom("too_few"),
        "and never more than there are");
  actor next = actor::restored(plugin::linked(), place.save());
  saga_in_test again(next);
  check(next.call(atom("get")) == 3, "what is left survives a reload");
  check(again.undo(reserve).what == kind::done && next.call(atom("get")) == 5, "what is undone is back");
  again.undo(reserve);
  again.undo(reserve, {.step = 7});
  check(next.call(atom("get")) == 5, "once, and only what was reserved");

  saved_state unknown = next.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(place.did.complaints.empty() && next.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
