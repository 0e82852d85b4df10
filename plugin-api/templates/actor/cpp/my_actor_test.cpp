// SPDX-License-Identifier: MIT
// The test of my_actor, without a node: it counts, starts anew, and its state survives a reload. Exits
// with the number of checks that failed.
#include <coppice/testing.hpp>

#include <cstdio>

#include "my_actor.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  actor first(plugin::linked(), {.args = options{.start = 2}});
  check(first.call(add{40}) == 42, "the sum begins with args.start");

  actor second = actor::restored(plugin::linked(), first.save());
  check(second.call(add{1}) == 43, "the sum survives a reload");
  second.cast(reset{});
  check(second.call(add{1}) == 3, "reset sets the sum back to args.start");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
