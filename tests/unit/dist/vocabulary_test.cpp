// SPDX-License-Identifier: MIT
// The flags that a peer offered decide what it is sent. Each flag is left out alone and offered alone, and
// the result is compared with what the protocol says of every signal.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "at_connection.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "cluster.hpp"
#include "dist/vocabulary.hpp"
#include "peer_reader.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::destination;
using runtime::is_atom;
using runtime::make_signal;
using runtime::message;
using runtime::pid;
using runtime::process;
using runtime::reference;
using runtime::signal;
using runtime::signal_kind;

namespace {

// A connection with one of each relation, on which a process of this node sends something.
struct talk : at_connection {
  explicit talk(std::uint64_t flags) : at_connection(flags), builder(context) {
    context.relations.add_monitor(watching, outgoing_monitor{self, peer, 0});
    context.relations.add_monitor(watched, incoming_monitor{peer, self, {}});
  }

  // The operation that is built. None: nothing is sent.
  std::optional<op> say(signal_kind kind, const destination& to, std::uint16_t flags = 0,
                        const reference& ref = {}) {
    const auto s = make_signal(kind, self, ref, message::atom("ok"));
    s->flags = flags;
    s->number = 1;
    control_message c;
    return builder.build(c, to, *s) ? std::optional(c.what) : std::nullopt;
  }

  const pid self{0, host.creation(), 11, 12};
  const pid peer = theirs(7);
  const destination alias = destination::alias(reference::made_by(peer, 9));
  const destination name = destination::remote("kv", context.ids.peer());
  const reference watching = reference::made_by(self, 1);
  const reference watched = reference::made_by(peer, 2);
  control_builder builder;
};

struct row {
  const char* what;
  std::function<std::optional<op>(talk&)> said;
  // The operation that the protocol requires, by the flags in force.
  std::function<std::optional<op>(std::uint64_t)> right;
};

constexpr std::uint64_t monitors = flag::dist_monitor | flag::dist_monitor_name;

std::optional<op> only_with(std::uint64_t needed, std::uint64_t flags, op what) {
  return (flags & needed) == needed ? std::optional(what) : std::nullopt;
}
std::optional<op> one_of(std::uint64_t flags, std::uint64_t needed, op with, op without) {
  return (flags & needed) == needed ? with : without;
}

std::vector<row> every_signal() {
  using kind = signal_kind;
  using set = std::uint64_t;
  return {
      {"message", [](talk& t) { return t.say(kind::message, t.peer); },
       [](set f) { return one_of(f, flag::send_sender, op::send_sender, op::send); }},
      {"message to a name", [](talk& t) { return t.say(kind::message, t.name); },
       [](set) { return op::reg_send; }},
      {"message to an alias", [](talk& t) { return t.say(kind::message, t.alias); },
       [](set f) {
         return f & flag::altact_sig ? op::altact_sig_send : only_with(flag::alias, f, op::alias_send);
       }},
      {"priority message", [](talk& t) { return t.say(kind::message, t.peer, signal::priority); },
       [](set f) {
         return f & flag::altact_sig ? op::altact_sig_send
                                     : one_of(f, flag::send_sender, op::send_sender, op::send);
       }},
      {"exit", [](talk& t) { return t.say(kind::exit, t.peer); },
       [](set f) { return one_of(f, flag::exit_payload, op::payload_exit, op::exit); }},
      {"exit2", [](talk& t) { return t.say(kind::exit2, t.peer); },
       [](set f) { return one_of(f, flag::exit_payload, op::payload_exit2, op::exit2); }},
      {"exit2 to an alias", [](talk& t) { return t.say(kind::exit2, t.alias); },
       [](set f) { return only_with(flag::altact_sig, f, op::altact_sig_send); }},
      {"link", [](talk& t) { return t.say(kind::link, t.peer); }, [](set) { return op::link; }},
      {"unlink", [](talk& t) { return t.say(kind::unlink, t.peer); },
       [](set f) { return one_of(f, flag::unlink_id, op::unlink_id, op::unlink); }},
      {"unlink_ack", [](talk& t) { return t.say(kind::unlink_ack, t.peer); },
       [](set f) { return only_with(flag::unlink_id, f, op::unlink_id_ack); }},
      {"monitor", [](talk& t) { return t.say(kind::monitor, t.peer, 0, reference::made_by(t.self, 3)); },
       [](set f) { return only_with(monitors, f, op::monitor_p); }},
      {"monitor by name",
       [](talk& t) { return t.say(kind::monitor, t.name, signal::by_name, reference::made_by(t.self, 4)); },
       [](set f) { return only_with(monitors, f, op::monitor_p); }},
      {"demonitor", [](talk& t) { return t.say(kind::demonitor, t.peer, 0, t.watching); },
       [](set f) { return only_with(monitors, f, op::demonitor_p); }},
      {"down", [](talk& t) { return t.say(kind::down, t.peer, 0, t.watched); },
       [](set f) {
         return (f & monitors) != monitors
                    ? std::nullopt
                    : one_of(f, flag::exit_payload, op::payload_monitor_p_exit, op::monitor_p_exit);
       }},
      {"group leader", [](talk& t) { return t.say(kind::group_leader, t.peer); },
       [](set) { return op::group_leader; }},
      {"spawn request", [](talk& t) { return t.context.words.of(op::spawn_request); },
       [](set f) { return only_with(flag::spawn, f, op::spawn_request); }},
      {"spawn reply", [](talk& t) { return t.context.words.of(op::spawn_reply); },
       [](set f) { return only_with(flag::spawn, f, op::spawn_reply); }},
  };
}

// The flags that C nodes and Java nodes offer: neither monitors, aliases nor spawn.
constexpr std::uint64_t plain_peer = flag::required | flag::unlink_id | flag::v4_nc | flag::fragments;

std::vector<std::uint8_t> framed(const control_message& c, const message& payload) {
  etf::vector_writer control;
  encode_control(control, c);
  std::vector<std::uint8_t> out{0, 0, 0, 0, 131, 68, 0};
  out.insert(out.end(), control.view().begin(), control.view().end());
  const auto bytes = payload.bytes();
  out.insert(out.end(), bytes.begin(), bytes.end());
  base::store_be32(out.data(), static_cast<std::uint32_t>(out.size() - 4));
  return out;
}

} // namespace

TEST_CASE("each flag alone decides what its peer is sent, left out or offered") {
  std::vector<std::uint64_t> sets{0, flag::offered, flag::offered & ~flag::altact_sig};
  for (int bit = 0; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    if ((flag::offered & one) == 0) continue;
    sets.push_back(one);
    sets.push_back(flag::offered & ~one);
    sets.push_back(flag::offered & ~flag::altact_sig & ~one);
  }
  for (const auto flags : sets) {
    CAPTURE(flags);
    for (const row& r : every_signal()) {
      CAPTURE(r.what);
      talk between(flags);
      CHECK(r.said(between) == r.right(flags));
    }
  }
}

TEST_CASE(
    "a monitor that the peer does not know ends with the connection, and one that is taken back does not") {
  epmd_server epmd;
  cluster_node a(epmd, own_name);
  const actor watcher(a.host);
  {
    raw_peer x(a.port);
    REQUIRE(x.shake_hands(peer_name, own_name, plain_peer));
    const auto node = *a.host.nodes().intern(peer_name);
    const pid there{node, 77, 5, 0};
    watcher.run([&](process& self) {
      self.monitor(there);
      self.demonitor(self.monitor(there));
      self.monitor(destination::remote("kv", node));
      return self.send(destination::remote("end", node), atom("end"));
    });
    peer_reader from(x);
    CHECK(from.next().control.what == op::reg_send);
    CHECK(eventually([&] { return a.peer(peer_name).monitors == 2; }));
    CHECK(a.peer(peer_name).dropped == 0);
    CHECK(watcher.waiting() == 0);
  }
  CHECK(is_atom(reason_of(watcher.next()), "noconnection"));
  CHECK(is_atom(reason_of(watcher.next()), "noconnection"));
  watcher.settle();
  CHECK(watcher.waiting() == 0);
}

TEST_CASE("nothing is kept of a link of the peer that crosses an unlink") {
  epmd_server epmd;
  cluster_node a(epmd, own_name);
  const actor here(a.host);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(peer_name, own_name, plain_peer));
  const pid there{*a.host.nodes().intern(peer_name), 77, 5, 0};
  here.run([&](process& self) {
    self.link(there);
    self.unlink(there);
    return 0;
  });
  peer_reader from(x);
  CHECK(from.next().control.what == op::link);
  const auto unlink = from.next();
  CHECK(unlink.control.what == op::unlink_id);
  const pid to = here.id();
  control_message c;
  c.what = op::link;
  c.from = address::of(etf::pid{peer_name, there.id, there.serial, there.creation});
  c.to = address::of(etf::pid{own_name, to.id, to.serial, to.creation});
  x.send(framed(c, {}));
  c.what = op::unlink_id_ack;
  c.id = unlink.control.id;
  x.send(framed(c, {}));
  c.what = op::send;
  x.send(framed(c, atom("after")));
  CHECK(is_atom(here.next(), "after"));
  CHECK(a.host.info(to)->links.empty());
  CHECK(eventually([&] {
    x.send({0, 0, 0, 0}); // what a connection has is counted anew when it reads
    return a.peer(peer_name).links == 0;
  }));
}

TEST_CASE("a peer without monitors is called: it answers, or the call ends in time or with the connection") {
  epmd_server epmd;
  cluster_node a(epmd, own_name);
  const actor caller(a.host);
  auto x = std::make_unique<raw_peer>(a.port);
  REQUIRE(x->shake_hands(peer_name, own_name, plain_peer));
  const auto node = *a.host.nodes().intern(peer_name);
  peer_reader from(*x);
  std::optional<process::awaited> got;
  reference asked;
  const auto call = [&](base::nanos patient) {
    asked = caller.run([](process& self) { return self.make_ack(); });
    caller.start([&, patient](process& self) {
      self.send_call(destination::remote("kv", node), asked, atom("question"));
      got = self.await(asked, base::mono_now() + patient);
    });
  };
  const auto ended_with = [&](runtime::await_error::kind what) {
    caller.settle();
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(got->error().what == what);
    got.reset();
  };
  // A connection's relations are counted again when it reads, so it gets a tick.
  const auto knows_no_call = [&] {
    x->send({0, 0, 0, 0});
    return a.peer(peer_name).monitors == 0;
  };
  constexpr base::nanos long_enough = 20 * base::nanos_per_second;

  call(long_enough);
  CHECK(from.next().control.what == op::reg_send);
  runtime::message_writer reply;
  reply.tuple(2);
  reply.reference({own_name, asked.creation, asked.count, asked.words});
  reply.atom("answer");
  control_message c;
  c.what = op::send;
  const pid self = caller.id();
  c.to = address::of(etf::pid{own_name, self.id, self.serial, self.creation});
  x->send(framed(c, reply.take()));
  caller.settle();
  REQUIRE(got);
  REQUIRE(*got);
  got.reset();
  CHECK(eventually(knows_no_call));

  call(20 * base::nanos_per_ms);
  ended_with(runtime::await_error::kind::timeout);
  CHECK(from.next().control.what == op::reg_send);
  CHECK(eventually(knows_no_call));

  call(long_enough);
  CHECK(from.next().control.what == op::reg_send);
  x.reset();
  ended_with(runtime::await_error::kind::down);
}
