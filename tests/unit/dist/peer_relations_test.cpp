// SPDX-License-Identifier: MIT
// What processes are told when a connection is lost, by the links and monitors that were recorded for it.
#include "dist/peer_relations.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "at_connection.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::signal_kind;

namespace {

const runtime::pid local{0, 1, 7, 1};
const runtime::pid remote{3, 9, 8, 1};
const auto ref = runtime::reference::made_by(local, 5);
const auto their_ref = runtime::reference::made_by(remote, 5);

struct told {
  signal_kind what;
  runtime::pid whom;
  std::uint64_t number;
  bool operator==(const told&) const = default;
};

std::vector<told> lose(peer_relations& all) {
  std::vector<told> out;
  const auto deliver = [&](const runtime::destination& to, runtime::signal_ptr what) {
    out.push_back({what->kind, to.process(), what->number});
  };
  CHECK(all.tell_of_loss(deliver, SIZE_MAX));
  return out;
}

} // namespace

TEST_CASE("a loss is told to each process here by what it has with the peer, once") {
  struct row {
    const char* what;
    void (*make)(peer_relations&);
    std::vector<told> expected;
  };
  for (const row& r : {
           row{"link", [](peer_relations& p) { p.add_link(local, remote); }, {{signal_kind::exit, local, 0}}},
           row{"unlink under way",
               [](peer_relations& p) {
                 p.add_link(local, remote);
                 p.begin_unlink(local, remote, 4);
               },
               {{signal_kind::unlink_ack, local, 4}}},
           row{"a link of the peer that crosses an unlink",
               [](peer_relations& p) {
                 p.add_link(local, remote);
                 p.begin_unlink(local, remote, 4);
                 p.add_link_of_peer(local, remote);
                 p.end_unlink(local, remote, 4);
               },
               {}},
           row{"a link of the peer after an unlink and another link",
               [](peer_relations& p) {
                 p.begin_unlink(local, remote, 4);
                 p.add_link(local, remote);
                 p.remove_link(local, remote);
                 p.add_link_of_peer(local, remote);
                 p.end_unlink(local, remote, 4);
               },
               {{signal_kind::exit, local, 0}}},
           row{"the peer's link",
               [](peer_relations& p) { p.add_link_of_peer(local, remote); },
               {{signal_kind::exit, local, 0}}},
           row{"a link that leaves before the peer's unlink is acknowledged",
               [](peer_relations& p) {
                 p.add_link_of_peer(local, remote);
                 p.begin_unlink_of_peer(local, remote, 4);
                 p.add_link(local, remote);
                 p.begin_unlink_of_peer(local, remote, 5);
                 p.end_unlink_of_peer(local, remote, 4);
                 p.add_link(local, remote);
                 p.end_unlink_of_peer(local, remote, 5);
               },
               {}},
           row{"a link that leaves behind the acknowledgement of the peer's unlink",
               [](peer_relations& p) {
                 p.begin_unlink_of_peer(local, remote, 4);
                 p.end_unlink_of_peer(local, remote, 4);
                 p.add_link(local, remote);
               },
               {{signal_kind::exit, local, 0}}},
           row{"a link of the peer behind its unlink",
               [](peer_relations& p) {
                 p.begin_unlink_of_peer(local, remote, 4);
                 p.add_link_of_peer(local, remote);
                 p.end_unlink_of_peer(local, remote, 4);
               },
               {{signal_kind::exit, local, 0}}},
           row{"the peer's unlink that is not acknowledged",
               [](peer_relations& p) {
                 p.add_link(local, remote);
                 p.begin_unlink_of_peer(local, remote, 4);
               },
               {}},
           row{"unlinked",
               [](peer_relations& p) {
                 p.begin_unlink(local, remote, 4);
                 p.end_unlink(local, remote, 4);
               },
               {}},
           row{"monitor",
               [](peer_relations& p) {
                 p.add_monitor(ref, outgoing_monitor{local, remote, 0});
               },
               {{signal_kind::down, local, 0}}},
           row{"the peer's monitor",
               [](peer_relations& p) {
                 CHECK(p.add_monitor(their_ref, incoming_monitor{remote, local, {}}));
                 CHECK_FALSE(p.add_monitor(their_ref, incoming_monitor{remote, local, {}}));
               },
               {{signal_kind::demonitor, local, 0}}},
           row{"call",
               [](peer_relations& p) {
                 p.add_call(ref, outgoing_call{remote, {}, true});
               },
               {{signal_kind::down, local, 0}}},
           row{"the peer's call",
               [](peer_relations& p) {
                 CHECK(p.add_call(runtime::call_id::of(their_ref), local));
                 CHECK_FALSE(p.add_call(runtime::call_id::of(their_ref), local));
               },
               {{signal_kind::demonitor, local, 0}}},
           row{"spawn request",
               [](peer_relations& p) { p.add_spawn_request(ref, local); },
               {{signal_kind::down, local, 0}}},
       }) {
    CAPTURE(r.what);
    peer_relations all;
    r.make(all);
    CHECK(lose(all) == r.expected);
    CHECK(lose(all).empty());
  }
}

TEST_CASE(
    "a loss comes after what the peer's processes sent before, but for what a process may be parked for") {
  peer_relations all;
  all.add_link(local, remote);
  all.begin_unlink({0, 1, 8, 1}, remote, 4);
  all.add_monitor(ref, outgoing_monitor{local, remote, 0});
  all.add_monitor(runtime::reference::made_by(local, 6),
                  outgoing_monitor{local, runtime::destination::remote("name", remote.node), 0});
  CHECK(all.add_monitor(their_ref, incoming_monitor{remote, local, {}}));
  all.add_call(ref, outgoing_call{remote, {}, true});
  CHECK(all.add_call(runtime::call_id::of(their_ref), local));
  all.add_spawn_request(ref, local);
  std::size_t in_order = 0;
  std::size_t ahead = 0;
  std::size_t by_name = 0;
  const auto deliver = [&](const runtime::destination&, const runtime::signal_ptr& what) {
    if ((what->flags & runtime::signal::remote) == 0) {
      CHECK(what->kind == signal_kind::down);
      ++ahead;
      return;
    }
    ++in_order;
    CHECK(what->from.node == remote.node);
    if (what->from != remote) ++by_name;
    if (what->from != remote) CHECK_FALSE(what->from);
  };
  CHECK(all.tell_of_loss(deliver, SIZE_MAX));
  CHECK(in_order == 6);
  CHECK(by_name == 1);
  CHECK(ahead == 2); // the call and the spawn request
}

TEST_CASE("an unlink is under way until its own id is acknowledged, whatever came before it") {
  peer_relations all;
  all.begin_unlink(local, remote, 1);
  all.add_link(local, remote);
  all.begin_unlink(local, remote, 2);
  all.end_unlink(local, remote, 1); // this acknowledgement was sent before the second unlink arrived
  CHECK(lose(all) == std::vector<told>{{signal_kind::unlink_ack, local, 2}});
}

TEST_CASE("a link that crosses the peer's unlink is noted on neither side") {
  at_connection here;
  control_builder builder(here.context);
  peer_relations& all = here.context.relations;
  const runtime::pid ours{0, here.host.creation(), 7, 1};
  const runtime::pid theirs = here.theirs(8);
  control_message ignored;
  const auto leaves = [&](signal_kind what) {
    const auto s = runtime::make_signal(what, ours);
    s->number = 4;
    CHECK(builder.build(ignored, theirs, *s));
  };
  all.add_link_of_peer(ours, theirs);
  all.begin_unlink_of_peer(ours, theirs, 4);
  CHECK(all.shared() == 1);
  leaves(signal_kind::link);
  CHECK(all.links() == 0);
  leaves(signal_kind::unlink_ack);
  CHECK(all.shared() == 0);
  leaves(signal_kind::link);
  CHECK(all.links() == 1);
}

TEST_CASE("a loss is told in parts, each of at most as many signals as were asked for, and nobody twice") {
  constexpr std::uint64_t of_each = 50;
  peer_relations all;
  for (std::uint64_t i = 0; i < of_each; ++i) {
    const runtime::pid here{0, 1, static_cast<std::uint32_t>(i + 10), 1};
    const auto own = runtime::reference::made_by(here, 1);
    const auto theirs = runtime::reference::made_by({3, 9, here.id, 1}, 1);
    all.add_link(here, remote);
    all.begin_unlink(here, {3, 9, 4, 1}, i + 1);
    all.add_monitor(own, outgoing_monitor{here, remote, 0});
    CHECK(all.add_monitor(theirs, incoming_monitor{remote, here, {}}));
    all.add_spawn_request(own, here);
    all.add_call(own, outgoing_call{remote, {}, true});
    CHECK(all.add_call(runtime::call_id::of(theirs), here));
  }
  std::size_t told = 0;
  std::size_t turns = 1;
  std::size_t in_turn = 0;
  const auto deliver = [&](const runtime::destination&, const runtime::signal_ptr&) {
    ++told;
    ++in_turn;
  };
  for (; !all.tell_of_loss(deliver, 16); ++turns) {
    CHECK(in_turn <= 16);
    in_turn = 0;
  }
  CHECK(told == 7 * of_each);
  CHECK(turns == (7 * of_each + 15) / 16);
  CHECK(all.links() + all.monitors() == 0);
  CHECK(lose(all).empty());
}
