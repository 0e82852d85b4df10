// SPDX-License-Identifier: MIT
// The test of my_stage, without a node: each stage does its part, and their counts survive a reload. Exits
// with the number of checks that failed.
#include <coppice/testing/stage.hpp>

#include <cstdio>

#include "my_stage.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  using list = std::vector<std::int64_t>;
  using pair = std::pair<std::int64_t, std::int64_t>;
  const std::map<coppice::etf::atom, std::int64_t> args{{coppice::etf::atom{"last"}, 4}};

  actor numbers(plugin::linked(), {.args = args});
  consumer_below below(numbers);
  below.ask(3);
  check(below.take<std::int64_t>() == list{0, 1, 2}, "the producer makes as many as are wanted");
  actor next = actor::restored(plugin::linked(), numbers.save());
  below.ask(3);
  check(below.take<std::int64_t>() == list{3, 4}, "it goes on after a reload, up to args.last");
  check(next.call(atom("get")) == 5, "and says how many it has made");

  actor doubler(plugin::linked(), {.actor = "doubler"});
  consumer_below behind(doubler);
  behind.ask(10);
  producer_above before(doubler);
  before.deliver(list{1, 2});
  check(behind.take<std::int64_t>() == list{2, 4}, "the doubler doubles");

  actor sink(plugin::linked(), {.actor = "sink"});
  producer_above(sink).deliver(list{2, 4});
  check(sink.call(atom("get")) == pair{2, 6}, "the sink adds up");
  actor later = actor::restored(plugin::linked(), sink.save(), {.actor = "sink"});
  check(later.call(atom("get")) == pair{2, 6}, "and so after a reload");

  saved_state unknown = next.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(numbers.did.complaints.empty() && next.did.complaints.empty() && doubler.did.complaints.empty() &&
            sink.did.complaints.empty(),
        "the rules of the ABI are kept");
  return failed;
}
