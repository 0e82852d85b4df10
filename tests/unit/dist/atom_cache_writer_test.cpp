// SPDX-License-Identifier: MIT
// The receiving half of the atom cache reads what the sending half writes, also when atoms replace each other
// in the slots.
#include "dist/atom_cache_writer.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "atom_cache_ends.hpp"
#include "dist/control_message.hpp"

using namespace coppice;
using namespace coppice::dist;
using coppice::dist::testing::both_ends;

namespace {

etf::bytes encode(etf::vector_writer& into, const control_message& m) {
  into.rewind();
  encode_control(into, m);
  REQUIRE_FALSE(into.failed());
  return into.view();
}

control_message to_name(std::string_view name, std::string_view node = "a@127.0.0.1") {
  control_message m;
  m.what = op::reg_send;
  m.from = address::of(etf::pid{node, 1, 2, 3});
  m.to = address::of(name);
  return m;
}

} // namespace

TEST_CASE("a control message comes through the cache as it was, and shorter the second time") {
  both_ends ends;
  etf::vector_writer scratch;
  control_message alias;
  alias.what = op::alias_send;
  alias.from = address::of(etf::pid{"a@127.0.0.1", 1, 2, 3});
  alias.to = address::of(etf::reference{"b@127.0.0.1", 5, 3, {1, 2, 3}});
  control_message monitor = to_name("kv");
  monitor.what = op::monitor_p;
  monitor.ref = etf::reference{"a@127.0.0.1", 5, 5, {1, 2, 3, 4, 5}};
  for (const auto& m : {to_name("kv"), alias, monitor, to_name("")}) {
    const auto control = encode(scratch, m);
    const std::vector<std::uint8_t> sent(control.begin(), control.end());
    CHECK(ends.pass(sent) == sent);
    const auto first = ends.size;
    CHECK(ends.pass(sent) == sent);
    CHECK(ends.size <= first);
    CHECK(ends.size < sent.size());
  }
}

TEST_CASE("more atoms than there are slots take each other's place") {
  both_ends ends;
  etf::vector_writer scratch;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; ++i) {
      const auto name = "name_" + std::to_string(i);
      const auto node = "n" + std::to_string(i % 7) + "@127.0.0.1";
      const auto control = encode(scratch, to_name(name, node));
      const std::vector<std::uint8_t> sent(control.begin(), control.end());
      REQUIRE(ends.pass(sent) == sent);
    }
  }
}

TEST_CASE("what holds other terms goes with its atoms written out, and the cache stays whole") {
  both_ends ends;
  etf::vector_writer scratch;
  control_message exit = to_name("");
  exit.what = op::exit;
  exit.to = address::of(etf::pid{"b@127.0.0.1", 1, 2, 3});
  etf::vector_writer reason;
  reason.tuple(2);
  reason.atom("shutdown");
  reason.binary(std::string_view("why"));
  exit.reason = reason.view();
  const std::string longer(255, 'x');
  for (const auto& m : {exit, to_name("kv"), to_name(longer), exit, to_name("kv")}) {
    const auto control = encode(scratch, m);
    const std::vector<std::uint8_t> sent(control.begin(), control.end());
    CHECK(ends.pass(sent) == sent);
  }
}
