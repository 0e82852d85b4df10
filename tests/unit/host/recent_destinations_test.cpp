// SPDX-License-Identifier: MIT
// Tests of the destinations that are kept after they were read: equal bytes find the same destination, until
// the node's index is out of date.
#include "host/boundary/recent_destinations.hpp"

#include <doctest/doctest.h>
#include <coppice/etf/writer.hpp>

#include <string>
#include <vector>

#include "host/boundary/host.hpp"

namespace coppice::host {
namespace {

using runtime::destination;

std::vector<std::uint8_t> named(std::string_view name, std::string_view node) {
  etf::vector_writer out(64);
  out.tuple(2);
  out.atom(name);
  out.atom(node);
  return {out.view().begin(), out.view().end()};
}

class nobody_needed final : public runtime::node_names::holder {
 public:
  void slot_taken(std::uint32_t, std::string_view) override {}
  bool slot_given_on(std::uint32_t, std::uint32_t, std::string_view) override { return true; }
};

} // namespace

TEST_CASE("what was kept is found by the same bytes at the same epoch only") {
  recent_destinations recent;
  const auto term = named("kv", "a@host");
  const auto to = destination::remote("kv", 7);
  CHECK(recent.find(term, 1) == nullptr);
  recent.keep(term, 1, to);
  REQUIRE(recent.find(term, 1) != nullptr);
  CHECK(*recent.find(term, 1) == to);
  CHECK(recent.find(term, 2) == nullptr);
  CHECK(recent.find(named("kv", "b@host"), 1) == nullptr);
  CHECK(recent.find(named("kw", "a@host"), 1) == nullptr);
}

TEST_CASE("many names share the places, and none is taken for another") {
  recent_destinations recent;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto term = named("server" + std::to_string(i), "a@host");
      const auto to = destination::remote("server" + std::to_string(i), 7);
      if (const destination* found = recent.find(term, 1); found != nullptr) CHECK(*found == to);
      recent.keep(term, 1, to);
      CHECK(*recent.find(term, 1) == to);
    }
  }
}

TEST_CASE("names of this node, terms that are longer than there is room for, and other terms are not kept") {
  recent_destinations recent;
  recent.keep(named("kv", "own@host"), 1, destination::remote("kv", 0));
  CHECK(recent.find(named("kv", "own@host"), 1) == nullptr);
  const auto longer = named(std::string(200, 'n'), "a@host");
  recent.keep(longer, 1, destination::remote(std::string(200, 'n'), 7));
  CHECK(recent.find(longer, 1) == nullptr);
  etf::vector_writer out(64);
  out.pid({"a@host", 1, 2, 3});
  recent.keep(out.view(), 1, destination(runtime::pid{7, 3, 1, 2}));
  CHECK(recent.find(out.view(), 1) == nullptr);
  CHECK(recent.find({}, 1) == nullptr);
}

TEST_CASE("a name whose node's place was given on names its node anew") {
  nobody_needed holder;
  runtime::node_names names("own@host", {2, 0});
  names.set_holder(&holder);
  const auto term = named("kv", "a@host");
  const auto first = destination_of(names, lend_bytes(term));
  REQUIRE(first);
  CHECK(destination_of(names, lend_bytes(term)) == first);
  for (int i = 0; i < 4; ++i) REQUIRE(names.intern("made_up" + std::to_string(i) + "@host"));
  CHECK(names.name(first->node()).empty());
  const auto again = destination_of(names, lend_bytes(term));
  REQUIRE(again);
  CHECK(again->node() != first->node());
  CHECK(names.name(again->node()) == "a@host");
  runtime::node_names others("own@host");
  const auto elsewhere = destination_of(others, lend_bytes(term));
  REQUIRE(elsewhere);
  CHECK(others.name(elsewhere->node()) == "a@host");
}

} // namespace coppice::host
