// SPDX-License-Identifier: MIT
// Tests of coppice/testing/faults.hpp: host calls that fail where the test says.
#include <doctest/doctest.h>

#include <coppice/testing/faults.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

TEST_CASE("a call that is to fail does nothing and is noted, and the calls before it succeed") {
  const plugin rude = fixture("rude");
  actor one(rude);
  faults now;
  now.fail("set_label", nth(2), COPPICE_E_FULL);
  one.send("keep_self"_erl);
  one.send("use_kept"_erl); // returns the status of set_label
  CHECK(one.alive());
  CHECK(now.done.empty());
  one.did.label.clear();
  one.send("use_kept"_erl);
  CHECK(text(one.reason()) == "full");
  CHECK(one.did.label.empty());
  CHECK(now.done == std::vector<std::string>{"coppice.actor/1's set_label"});
  CHECK(one.did.complaints.empty());
}

TEST_CASE("faults end with their object, and inner ones come before outer ones") {
  const plugin rude = fixture("rude");
  {
    faults outer;
    outer.fail("coppice.actor/1's set_label", always(), COPPICE_E_FULL);
    faults inner;
    inner.fail("set_label", nth(1), COPPICE_E_EXISTS);
    for (const char* reason : {"exists", "full"}) {
      actor one(rude);
      one.send("keep_self"_erl);
      one.send("use_kept"_erl);
      CHECK(text(one.reason()) == reason);
    }
    CHECK(inner.done.size() == 1);
    CHECK(outer.done.size() == 1);
  }
  actor one(rude);
  one.send("keep_self"_erl);
  one.send("use_kept"_erl);
  CHECK(one.alive());
}

TEST_CASE("the same seed fails the same calls, none at 0 and all at 1") {
  const auto pattern = [](double probability, std::uint64_t seed) {
    std::vector<bool> all;
    const occasion when = chance(probability, seed);
    for (std::uint64_t n = 1; n <= 64; ++n) all.push_back(when(n, "send"));
    return all;
  };
  CHECK(pattern(0.5, 7) == pattern(0.5, 7));
  CHECK(pattern(0.5, 7) != pattern(0.5, 8));
  CHECK(pattern(0, 7) == std::vector<bool>(64, false));
  CHECK(pattern(1, 7) == std::vector<bool>(64, true));
}
