// SPDX-License-Identifier: MIT
// The test of my_event_manager, without a node: it keeps the last events, over a reload too, and returns them
// when it is removed. Exits with the number of checks that failed.
#include <coppice/testing.hpp>

#include <cstdio>

#include "my_event_manager.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* promise) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", promise);
  };

  using list = std::vector<std::int64_t>;
  const std::map<coppice::etf::atom, std::int64_t> args{{coppice::etf::atom{"keep"}, 2}};

  actor first(plugin::linked(), {.args = args});
  for (const std::int64_t event : {1, 2, 300}) first.notify(event);
  check(first.call(atom("get")) == list{300, 2}, "it keeps the last args.keep events");
  actor second = actor::restored(plugin::linked(), first.save());
  second.notify(400);
  check(second.call(atom("get")) == list{400, 300}, "they survive a reload");

  saved_state unknown = second.save();
  unknown.version = 99;
  check(actor::restored(plugin::linked(), unknown).status() == COPPICE_E_VERSION,
        "another version is refused");
  check(second.remove(atom("stop")) == list{400, 300}, "who removes it gets them");
  check(first.did.complaints.empty() && second.did.complaints.empty(), "the rules of the ABI are kept");
  return failed;
}
