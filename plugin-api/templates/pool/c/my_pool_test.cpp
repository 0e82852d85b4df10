// SPDX-License-Identifier: MIT
// The test of my_pool, without a node: a worker answers and counts, over a reload too, and the pool chooses
// and refuses. It is linked with my_pool.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing/pool.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  const auto square = [](std::int64_t number) {
    return value(std::pair(coppice::etf::atom{"square"}, number));
  };

  actor first(plugin::linked());
  check(first.call(square(7)) == 49, "a worker answers");
  actor second = actor::restored(plugin::linked(), first.save());
  second.call(square(3));
  check(second.call(atom("get")) == 2, "its count survives a reload");

  const pool_in_test pool(plugin::linked(), {.loads = {0, 0, 0}});
  check(pool.choose(square(4)) == 1u, "the number chooses the worker");
  check(!pool.choose(atom("get")), "any worker gets the rest");
  check(pool.on_overload(square(4)).answer == value(std::pair(atom("error").term(), atom("busy").term())),
        "what there is no room for is answered");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
