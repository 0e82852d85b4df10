// SPDX-License-Identifier: MIT
// The counter's own test, without a node: it counts, carries its state over, also one that its version 1.0.0
// saved, and refuses one of a version it does not know. Exits with 0 if all of that holds.
#include <coppice/testing.hpp>

#include <cstdio>

#include "counter.cpp"

int main() {
  using namespace coppice::testing;
  int failed = 0;
  const auto check = [&failed](bool holds, const char* what) {
    if (!holds) ++failed, std::fprintf(stderr, "failed: %s\n", what);
  };
  actor first(plugin::linked());
  first.call(counter::add{40});
  check(first.call(counter::add{2}) == 42, "it adds");
  saved_state saved = first.save();
  actor second = actor::restored(plugin::linked(), saved);
  check(second.call(counter::add{1}) == 43, "its sum survives a reload");
  check(second.call(counter::average{}) == 43.0 / 3, "and how much was added how often");
  actor upgraded = actor::restored(plugin::linked(), {saved.status, 1, value(std::int64_t{42})});
  check(upgraded.call(counter::add{2}) == 44, "it takes what 1.0.0 saved");
  saved.version = 7;
  check(actor::restored(plugin::linked(), saved).status() == COPPICE_E_VERSION, "it knows its versions");
  return failed;
}
