// SPDX-License-Identifier: MIT
// The test of my_router, without a node: things go to their route, and its counts survive a reload. It is
// linked with my_router.c; the kit is C++. Exits with the number of checks that failed.
#include <coppice/testing.hpp>

#include <cstdio>

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  using pair = std::pair<std::int64_t, std::int64_t>;
  const value tea = std::pair(coppice::etf::atom{"store"}, coppice::etf::atom{"tea"});
  const std::map<coppice::etf::atom, std::string> args{{coppice::etf::atom{"to"}, "store"}};

  settings how{.args = args};
  how.routes = {{"store", atom("warehouse")}};
  actor front(plugin::linked(), how);
  front.serve("warehouse", [](const value&) { return replies(atom("taken")); });
  check(front.call(tea) == atom("taken"), "things go to args.to, and the answer to who asked");
  check(front.did.routed.size() == 1 && front.did.routed[0].route == "store", "by the route of that name");
  check(front.call(atom("get")) == pair{1, 0}, "everything else is its own");
  actor next = actor::restored(plugin::linked(), front.save());
  check(next.call(atom("get")) == pair{1, 0}, "its counts survive a reload");

  actor store(plugin::linked());
  check(store.call(tea) == 1 && store.call(tea) == 2, "without args.to it stores them itself");

  saved_state unknown = next.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(front.did.complaints.empty() && next.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
