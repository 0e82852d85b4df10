// SPDX-License-Identifier: MIT
// Priority messages and messages to aliases: between Coppice nodes, and in the forms of OTP 28 and of older
// peers. Source: dist.c of OTP 28.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "peer_reader.hpp"
#include "runtime/held.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::destination;
using runtime::process;
using runtime::urgency;
using runtime::testing::held;
using runtime::testing::in_turn;
using runtime::testing::words;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";

constexpr runtime::sending first{.urgency = urgency::priority};

using bytes = std::vector<std::uint8_t>;

destination seen_from(std::uint32_t node, destination alias) {
  auto ref = alias.alias_ref();
  ref.node = node;
  return destination::alias(ref);
}

// {ALTACT_SIG_SEND, Flags, From, To} and a payload, as a frame without cached atoms. From is a process of x.
bytes altact_frame(std::uint64_t flags, const address& to, const runtime::message& payload) {
  control_message m;
  m.what = op::altact_sig_send;
  m.flags = flags;
  m.from = address::of(etf::pid{name_x, 1, 0, 77});
  m.to = to;
  etf::vector_writer control;
  encode_control(control, m);
  bytes out(4);
  for (const int each : {131, 68, 0}) out.push_back(static_cast<std::uint8_t>(each));
  const auto head = control.view();
  const auto term = payload.bytes();
  out.insert(out.end(), head.begin(), head.end());
  out.insert(out.end(), term.begin(), term.end());
  base::store_be32(out.data(), static_cast<std::uint32_t>(out.size() - 4));
  return out;
}

} // namespace

TEST_CASE("a priority message of another node goes before those that wait, in its sender's order otherwise") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const held there(b.host, "there");
  const actor here(a.host);
  const auto alias = seen_from(a.index(b), there.alias(urgency::priority));
  const auto plain = seen_from(a.index(b), there.alias(urgency::ordinary));
  const auto order = there.order_of(8, [&] {
    in_turn(here, [&](process& self) {
      self.send(a.see(b, there.id()), atom("a"));
      self.send(alias, atom("first"), first);
      self.send(alias, atom("b"));
      self.send(plain, atom("c"), first);
      self.exit(alias, atom("second"), first);
      self.send(a.see(b, "there"), atom("d"), first);
      self.exit(alias, atom("e"));
      self.send(alias, atom("third"), first);
    });
    CHECK(eventually([&] { return b.peer(name_a).messages_in == 8; }));
  });
  CHECK(order == words{"first", "second", "third", "a", "b", "c", "d", "e"});
}

TEST_CASE("to a peer goes the one operation for aliases and priority if it knows that, else the older ones") {
  struct row {
    const char* what;
    std::function<void(process&, std::uint32_t node, const destination& alias)> does;
    op with, without; // with and without DFLAG_ALTACT_SIG
    std::uint64_t flags;
    bool dropped = false; // without the flag it is dropped
  };
  const auto pid_there = [](std::uint32_t node) { return runtime::pid{node, 77, 5, 0}; };
  const std::vector<row> rows{
      {"alias", [](process& self, auto, auto& alias) { self.send(alias, atom("m")); }, op::altact_sig_send,
       op::alias_send, altact::alias},
      {"alias, priority", [](process& self, auto, auto& alias) { self.send(alias, atom("m"), first); },
       op::altact_sig_send, op::alias_send, altact::alias | altact::priority},
      {"pid, priority",
       [&](process& self, auto node, auto&) { self.send(pid_there(node), atom("m"), first); },
       op::altact_sig_send, op::send_sender, altact::priority},
      {"name, priority",
       [](process& self, auto node, auto&) { self.send(destination::remote("y", node), atom("m"), first); },
       op::altact_sig_send, op::reg_send, altact::name | altact::priority},
      {"pid", [&](process& self, auto node, auto&) { self.send(pid_there(node), atom("m")); },
       op::send_sender, op::send_sender, 0},
      {"exit, pid", [&](process& self, auto node, auto&) { self.exit(pid_there(node), atom("r")); },
       op::payload_exit2, op::payload_exit2, 0},
      {"exit, pid, priority",
       [&](process& self, auto node, auto&) { self.exit(pid_there(node), atom("r"), first); },
       op::altact_sig_send, op::payload_exit2, altact::exit | altact::priority},
      {"exit, alias", [](process& self, auto, auto& alias) { self.exit(alias, atom("r")); },
       op::altact_sig_send, op::exit2, altact::exit | altact::alias, true},
      {"exit, alias, priority", [](process& self, auto, auto& alias) { self.exit(alias, atom("r"), first); },
       op::altact_sig_send, op::exit2, altact::exit | altact::alias | altact::priority, true},
  };
  for (const bool knows : {true, false}) {
    CAPTURE(knows);
    epmd_server epmd;
    cluster_node a(epmd, name_a);
    const actor here(a.host);
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(name_x, name_a, flag::offered & ~(knows ? 0 : flag::altact_sig)));
    const auto node = *a.host.nodes().intern(name_x);
    const auto alias = destination::alias(runtime::reference::made_by({node, 77, 5, 0}, 9));
    peer_reader from(x);
    for (const row& r : rows) {
      CAPTURE(r.what);
      in_turn(here, [&](process& self) {
        r.does(self, node, alias);
        self.send(destination::remote("end", node), atom("end"));
      });
      auto m = from.next().control;
      if (knows || !r.dropped) {
        CHECK(m.what == (knows ? r.with : r.without));
        if (m.what == op::altact_sig_send) CHECK(m.flags == r.flags);
        CHECK(m.from.what == address::form::pid);
        m = from.next().control;
      }
      CHECK(m.what == op::reg_send);
    }
    CHECK(a.peer(name_x).dropped == (knows ? 0 : 2));
  }
}

TEST_CASE("nothing goes to aliases of a peer that has none") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const actor here(a.host);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a, flag::offered & ~(flag::altact_sig | flag::alias)));
  const auto node = *a.host.nodes().intern(name_x);
  in_turn(here, [&](process& self) {
    const auto alias = destination::alias(runtime::reference::made_by({node, 77, 5, 0}, 9));
    self.send(alias, atom("lost"));
    self.send(alias, atom("lost"), first);
    self.send(destination::remote("end", node), atom("end"));
  });
  peer_reader from(x);
  CHECK(from.next().control.what == op::reg_send);
  CHECK(a.peer(name_x).dropped == 2);
}

TEST_CASE(
    "what a peer sends with OTP 28's operation comes to whom it names, first only by a priority alias") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  const held there(a.host, "there");
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_x, name_a));
  const auto ref_of = [&](const destination& alias) {
    const auto& ref = alias.alias_ref();
    return address::of(etf::reference{name_a, ref.creation, ref.count, ref.words});
  };
  const auto urgent = ref_of(there.alias(urgency::priority));
  const auto plain = ref_of(there.alias(urgency::ordinary));
  const auto gone = ref_of(there.alias(urgency::priority));
  REQUIRE(there.run([&](process& self) {
    return self.unalias({0, gone.reference.creation, gone.reference.count, gone.reference.words});
  }));
  const auto pid = address::of(etf::pid{name_a, there.id().id, there.id().serial, there.id().creation});
  const auto name = address::of(std::string_view("there"));
  const auto nobody = address::of(std::string_view("nobody"));
  const auto order = there.order_of(11, [&] {
    using namespace altact;
    std::uint64_t count = 0;
    const auto send = [&](std::uint64_t flags, const address& to, const char* what) {
      x.send(altact_frame(flags, to, atom(what)));
      ++count;
    };
    send(0, pid, "a");
    send(priority, pid, "b");
    send(priority | altact::name, name, "c");
    send(altact::alias, urgent, "d");
    send(altact::alias | priority, plain, "e");
    send(altact::alias | priority, urgent, "1");
    send(altact::alias | priority, gone, "lost");
    send(altact::alias | priority | altact::exit, gone, "lost");
    send(altact::name | priority, nobody, "lost");
    send(altact::exit | priority, pid, "f");
    send(altact::exit | altact::alias | priority, plain, "g");
    send(altact::exit | altact::alias | priority, urgent, "2");
    send(altact::exit | altact::name, name, "h");
    send(altact::exit | altact::alias, urgent, "i");
    CHECK(eventually([&] { return a.peer(name_x).messages_in == count; }));
  });
  CHECK(order == words{"1", "2", "a", "b", "c", "d", "e", "f", "g", "h", "i"});
}
