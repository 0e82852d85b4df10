// SPDX-License-Identifier: MIT
// The test of my_statem, without a node: it switches on and off, also by itself, and its data survives a
// reload. It is linked with my_statem.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  const std::map<coppice::etf::atom, std::int64_t> args{{coppice::etf::atom{"lit"}, 500}};
  const auto shown = [](const char* state, std::int64_t times) {
    return value(std::pair(coppice::etf::atom{state}, times));
  };

  actor first(plugin::linked(), {.args = args});
  check(first.call(atom("get")) == shown("off", 0), "it is off at first");
  first.cast(atom("push"));
  check(first.call(atom("get")) == shown("on", 1), "push switches it on");
  first.advance(499ms);
  check(first.state() == atom("on"), "it stays on for args.lit");
  first.advance(1ms);
  check(first.call(atom("get")) == shown("off", 1), "and goes off by itself");

  first.cast(atom("push"));
  actor second = actor::restored(plugin::linked(), first.save());
  check(second.call(atom("get")) == shown("on", 2), "its count survives a reload, and so does the state");
  second.cast(atom("push"));
  check(second.call(atom("get")) == shown("off", 2), "push switches it off");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
