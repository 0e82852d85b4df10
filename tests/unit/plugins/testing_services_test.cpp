// SPDX-License-Identifier: MIT
// Tests of coppice/testing/services.hpp: a scope of process groups beside the actor under test. The test
// e2e/node_services checks that a node's own answers are equal.
#include <doctest/doctest.h>

#include <coppice/testing/services.hpp>

#include "fixture.hpp"

using namespace coppice::testing;
using namespace coppice::testing::literals;

namespace {

struct office {
  pg_in_test groups;
  plugin caretakers = fixture("caretaker");
  actor one{caretakers, {.among = neighbours_of(*this)}};

  static neighbours neighbours_of(office& of) {
    neighbours out;
    of.groups.serve(out);
    return out;
  }
};

} // namespace

TEST_CASE("an actor joins a group of the test, and leaves it") {
  office set;
  CHECK(set.one.call("{join, room}"_erl) == "{ok, ok}"_erl);
  CHECK(set.groups.members("room"_erl) == std::vector<value>{set.one.pid()});
  const value far = set.one.serve("other@far", [](const value&) { return silence(); });
  set.groups.join("room"_erl, far);
  CHECK(set.one.call("{members, room}"_erl) ==
        value(std::pair(coppice::etf::atom{"ok"}, std::vector<value>{set.one.pid(), far})));
  CHECK(set.one.call("{leave, room}"_erl) == "{ok, ok}"_erl);
  CHECK(set.one.call("{leave, room}"_erl) == "{error, -19, not_joined}"_erl);
  CHECK(set.groups.members("room"_erl) == std::vector<value>{far});
}

TEST_CASE("an actor that monitors a group is told of its changes until it ends the monitor") {
  office set;
  const value other = set.one.serve("other", [](const value&) { return silence(); });
  set.groups.join("room"_erl, other);
  using told = std::pair<coppice::etf::constant<"ok">, std::pair<value, std::vector<value>>>;
  const auto [reference, members] = set.one.call("{observe, room}"_erl).reply().as<told>().second;
  CHECK(members == std::vector<value>{other});
  CHECK(set.groups.watchers("room"_erl) == 1);
  set.one.call("{join, room}"_erl);
  set.groups.join("elsewhere"_erl, other);
  CHECK(set.groups.leave("room"_erl, other));
  const auto change = [](std::string_view what, const value& pid) {
    return std::tuple(coppice::etf::atom{what}, coppice::etf::atom{"room"}, std::vector<value>{pid});
  };
  CHECK(set.one.call("changes"_erl) ==
        value(std::vector{value(change("join", set.one.pid())), value(change("leave", other))}));
  CHECK(set.one.call(value(std::pair(coppice::etf::atom{"ignore"}, reference))) == "{ok, true}"_erl);
  CHECK(set.one.call(value(std::pair(coppice::etf::atom{"ignore"}, reference))) == "{ok, false}"_erl);
  set.groups.join("room"_erl, other);
  CHECK(set.one.did.complaints.empty());
}
