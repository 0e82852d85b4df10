// SPDX-License-Identifier: MIT
// A peer may speak only for its own processes, of the creation in its handshake. And a peer that keeps only
// three words of a reference can pass on calls, monitors, spawns and aliases.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "cluster.hpp"
#include "peer_reader.hpp"
#include "runtime/messages/block.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::destination;
using runtime::is_atom;
using runtime::process;
using runtime::reference;
using failure = runtime::await_error::kind;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr const char* name_y = "y@127.0.0.1";
constexpr std::uint32_t creation_of_x = 77;
// Without short forms, and with control messages that no atom cache shortens.
constexpr std::uint64_t flags = flag::offered & ~(flag::dist_hdr_atom_cache | flag::fragments);

etf::pid of_x(std::uint32_t id, std::uint32_t creation = creation_of_x) {
  return {name_x, id, 0, creation};
}

// A peer that the test controls.
struct simulated_peer {
  simulated_peer(const cluster_node& to, const char* name) : socket(to.port) {
    REQUIRE(socket.shake_hands(name, name_a, flags));
    REQUIRE(eventually([&] { return to.peer(name).state == peer_state::connected; }));
  }

  void send(const control_message& c, etf::bytes with = {}) {
    etf::vector_writer out;
    out.raw(std::vector<std::uint8_t>{0, 0, 0, 0, 112, 131});
    encode_control(out, c);
    if (has_payload(c.what)) {
      out.raw(std::vector<std::uint8_t>{131});
      out.raw(with);
    }
    out.patch32(0, static_cast<std::uint32_t>(out.size() - 4));
    const auto view = out.view();
    socket.send({view.begin(), view.end()});
  }
  // The next control message, and its payload. Both are valid until the next call.
  control_message next() {
    const auto& frame = sent.next_frame();
    REQUIRE(frame.size() > 2);
    REQUIRE(frame[0] == 112);
    const etf::bytes terms = etf::bytes(frame).subspan(2);
    etf::cursor at(terms);
    REQUIRE(at.skip());
    const auto decoded = decode_control(terms.first(at.offset()));
    REQUIRE(decoded);
    payload = has_payload(decoded->what) ? terms.subspan(at.offset() + 1) : etf::bytes();
    return *decoded;
  }
  control_message next(op what) {
    for (;;)
      if (control_message c = next(); c.what == what) return c;
  }

  raw_peer socket;
  peer_reader sent{socket};
  etf::bytes payload;
};

struct node_and_peer {
  epmd_server epmd;
  cluster_node a{epmd, name_a};
  simulated_peer x{a, name_x};

  etf::pid wire(const runtime::pid& of) { return {name_a, of.id, of.serial, a.host.creation()}; }
  runtime::pid seen(std::uint32_t id, std::uint32_t creation = creation_of_x) {
    return {*a.host.nodes().find(name_x), creation, id, 0};
  }
  // When this returns, everything that was sent before it has been handled.
  void settle(const actor& at) {
    control_message c;
    c.what = op::send_sender;
    c.from = address::of(of_x(1));
    c.to = address::of(wire(at.id()));
    x.send(c, atom("settled").bytes());
    CHECK(is_atom(at.next(), "settled"));
  }
};

etf::reference cut(etf::reference ref) {
  REQUIRE(ref.count == 5);
  ref.count = 3;
  ref.words[3] = ref.words[4] = 0;
  return ref;
}

base::nanos patient() {
  return base::mono_now() + std::chrono::nanoseconds(patience).count();
}

} // namespace

TEST_CASE("a signal from a process that is not the peer's own is dropped and counted, whichever it is") {
  node_and_peer both;
  cluster_node& a = both.a;
  const actor child(a.host);
  const actor there(a.host, {.name = "there", .trap_exit = true});
  there.run([&](process& self) { return self.link(child.id()), self.monitor(child.id()); });
  const auto leader = a.host.info(there.id())->group_leader;

  const etf::pid theirs[] = {both.wire(child.id()), {name_y, 5, 0, 3}, of_x(5, creation_of_x - 1)};
  std::uint64_t dropped = 0;
  for (const etf::pid& from : theirs) {
    for (const op what :
         {op::exit, op::payload_exit, op::exit_tt, op::payload_exit_tt, op::exit2, op::payload_exit2,
          op::exit2_tt, op::payload_exit2_tt, op::link, op::unlink, op::unlink_id, op::unlink_id_ack,
          op::group_leader, op::monitor_p, op::demonitor_p, op::monitor_p_exit, op::payload_monitor_p_exit}) {
      const auto boom = atom("boom");
      control_message c;
      c.what = what;
      c.from = address::of(from);
      c.to = address::of(both.wire(there.id()));
      c.id = 1;
      c.reason = c.token = boom.bytes();
      c.ref = {name_x, creation_of_x, 3, {1, 2, 3}};
      both.x.send(c, boom.bytes());
      ++dropped;
    }
  }
  both.settle(there);
  CHECK(a.peer(name_x).dropped == dropped);
  CHECK(a.peer(name_x).links == 0);
  CHECK(a.peer(name_x).monitors == 0);
  CHECK(there.waiting() == 0);
  const auto info = *a.host.info(there.id());
  CHECK(info.links == std::vector<runtime::pid>{child.id()});
  CHECK(info.monitored_by.empty());
  CHECK(info.group_leader == leader);
}

TEST_CASE("a peer monitors and spawns by references of its own alone") {
  node_and_peer both;
  const actor there(both.a.host);
  const actor watcher(both.a.host);
  const auto ref = watcher.run([&](process& self) { return self.monitor(there.id()); });
  static constexpr std::uint8_t empty_list[] = {static_cast<std::uint8_t>(etf::tag::nil)};
  for (const op what : {op::monitor_p, op::demonitor_p, op::spawn_request}) {
    control_message c;
    c.what = what;
    c.from = address::of(of_x(5));
    c.to = address::of(both.wire(there.id()));
    c.ref = {name_a, ref.creation, ref.count, ref.words};
    c.leader = of_x(5);
    c.module = c.function = "m";
    c.options = empty_list;
    both.x.send(c, empty_list);
  }
  both.settle(there);
  CHECK(both.a.peer(name_x).dropped == 3);
  CHECK(both.a.host.info(there.id())->monitored_by == std::vector<runtime::pid>{watcher.id()});
}

TEST_CASE("the same signals from the peer's own process arrive") {
  node_and_peer both;
  const actor there(both.a.host, {.name = "there", .trap_exit = true});
  const auto boom = atom("boom");
  control_message c;
  c.from = address::of(of_x(5));
  c.to = address::of(both.wire(there.id()));
  c.what = op::link;
  both.x.send(c);
  c.what = op::exit;
  c.reason = boom.bytes();
  both.x.send(c);
  CHECK(is_atom(reason_of(there.next()), "boom"));
  c.what = op::payload_exit2;
  both.x.send(c, boom.bytes());
  CHECK(is_atom(reason_of(there.next()), "boom"));
  c.what = op::group_leader;
  both.x.send(c);
  both.settle(there);
  CHECK(both.a.host.info(there.id())->group_leader == both.seen(5));
  CHECK(both.a.peer(name_x).dropped == 0);
}

TEST_CASE("a message whose sender is not the peer's is from nobody there") {
  node_and_peer both;
  const actor there(both.a.host);
  const actor child(both.a.host);
  control_message c;
  c.what = op::send_sender;
  c.from = address::of(both.wire(child.id()));
  c.to = address::of(both.wire(there.id()));
  both.x.send(c, atom("hello").bytes());
  CHECK(is_atom(there.next(), "hello"));
}

TEST_CASE("links, monitors and calls to a process of a former life of the peer end with noproc") {
  node_and_peer both;
  const actor here(both.a.host, {.trap_exit = true});
  const auto gone = both.seen(5, creation_of_x - 1);
  here.run([&](process& self) { return self.link(gone), self.monitor(gone); });
  CHECK(is_atom(reason_of(here.next()), "noproc"));
  CHECK(is_atom(reason_of(here.next()), "noproc"));
  const auto called = here.run([&](process& self) {
    const auto ref = self.make_ack();
    self.send_call(gone, ref, atom("question"));
    return self.await(ref, patient());
  });
  REQUIRE_FALSE(called);
  CHECK(called.error().what == failure::down);
  CHECK(is_atom(called.error().reason, "noproc"));
  CHECK(both.a.peer(name_x).links == 0);
  CHECK(both.a.peer(name_x).monitors == 0);
}

TEST_CASE("no peer answers a call that was not made to it, though it knows the alias") {
  node_and_peer both;
  cluster_node& a = both.a;
  simulated_peer y(a, name_y);
  const actor callee(a.host, {.name = "callee"});
  const actor caller(a.host);
  for (const bool to_x : {true, false}) {
    CAPTURE(to_x);
    const auto whom =
        to_x ? destination::remote("callee", *a.host.nodes().find(name_x)) : destination(callee.id());
    std::promise<reference> asked;
    std::promise<std::int64_t> answered;
    caller.start([&](process& self) {
      const auto ref = self.make_ack();
      self.send_call(whom, ref, atom("question"));
      asked.set_value(ref);
      const auto answer = self.await(ref, patient());
      answered.set_value(answer ? value_of(*answer) : -1);
    });
    const auto ref = asked.get_future().get();
    control_message c;
    c.what = op::alias_send;
    c.from = address::of(etf::pid{name_y, 5, 0, creation_of_x});
    c.to = address::of(etf::reference{name_a, ref.creation, ref.count, ref.words});
    const auto heard = a.peer(name_y).messages_in;
    y.send(c, number(666).bytes());
    REQUIRE(eventually([&] { return a.peer(name_y).messages_in > heard; }));
    if (to_x) {
      c.from = address::of(of_x(5));
      both.x.send(c, number(1).bytes());
    } else {
      callee.run([&](process& self) { return self.answer(ref, number(1)); });
    }
    auto got = answered.get_future();
    REQUIRE(got.wait_for(patience) == std::future_status::ready);
    CHECK(got.get() == 1);
  }
}

TEST_CASE("a peer that cuts every reference to three words passes calls, to the alias and to the process") {
  node_and_peer both;
  cluster_node& a = both.a;
  const actor caller(a.host);
  for (const bool to_alias : {true, false}) {
    CAPTURE(to_alias);
    std::promise<std::int64_t> answered;
    caller.start([&](process& self) {
      const auto ref = self.make_ack();
      self.send_call(destination::remote("callee", *a.host.nodes().find(name_x)), ref, atom("question"));
      const auto answer = self.await(ref, patient());
      etf::cursor at(answer ? answer->bytes() : etf::bytes{});
      std::int64_t value = -1;
      if (to_alias) at.read_integer(value);
      if (!to_alias && at.read_tuple_of(2) && at.skip()) at.read_integer(value);
      answered.set_value(value);
    });
    const auto monitor = both.x.next(op::monitor_p);
    const auto ref = cut(monitor.ref);
    const std::string node(ref.node);
    both.x.next(op::reg_send);
    control_message c;
    c.from = address::of(of_x(5));
    if (to_alias) {
      c.what = op::alias_send;
      c.to = address::of(etf::reference{node, ref.creation, ref.count, ref.words});
      both.x.send(c, number(7).bytes());
    } else {
      c.what = op::send_sender;
      c.to = address::of(both.wire(caller.id()));
      etf::vector_writer reply;
      reply.tuple(2);
      reply.reference({node, ref.creation, ref.count, ref.words});
      reply.integer(7);
      both.x.send(c, reply.view());
    }
    auto got = answered.get_future();
    REQUIRE(got.wait_for(patience) == std::future_status::ready);
    CHECK(got.get() == 7);
    both.x.next(op::demonitor_p);
  }
  CHECK(eventually([&] { return a.peer(name_x).monitors == 0; }));
}

TEST_CASE("a peer that cuts every reference to three words ends calls and monitors") {
  node_and_peer both;
  const actor here(both.a.host);
  for (const bool call : {true, false}) {
    CAPTURE(call);
    std::promise<std::string> ended;
    if (call) {
      here.start([&](process& self) {
        const auto answer = self.await(self.monitor(both.seen(5), true), patient());
        ended.set_value(!answer && is_atom(answer.error().reason, "boom") ? "boom" : "?");
      });
    } else {
      here.run([&](process& self) { return self.monitor(both.seen(5)); });
    }
    const auto monitor = both.x.next(op::monitor_p);
    control_message c;
    c.what = op::payload_monitor_p_exit;
    c.from = address::of(of_x(5));
    c.to = monitor.from;
    c.ref = cut(monitor.ref);
    both.x.send(c, atom("boom").bytes());
    if (call) {
      auto got = ended.get_future();
      REQUIRE(got.wait_for(patience) == std::future_status::ready);
      CHECK(got.get() == "boom");
    } else {
      CHECK(is_atom(reason_of(here.next()), "boom"));
    }
  }
  CHECK(eventually([&] { return both.a.peer(name_x).monitors == 0; }));
}

TEST_CASE("a peer that cuts every reference to three words passes spawns and aliases") {
  node_and_peer both;
  cluster_node& a = both.a;
  const actor here(a.host);
  std::promise<std::string> made;
  here.start([&](process& self) {
    runtime::remote_spawn what;
    static constexpr std::uint8_t none[] = {static_cast<std::uint8_t>(etf::tag::nil)};
    what.node = *a.host.nodes().find(name_x);
    what.module = "m";
    what.function = "f";
    what.arguments = none;
    what.monitor = true;
    const auto answer = self.await(self.spawn_at(what), patient());
    made.set_value(answer && etf::cursor(answer->bytes()).peek() == etf::kind::pid ? "made" : "not");
  });
  const auto request = both.x.next(op::spawn_request);
  const auto ref = cut(request.ref);
  const std::string node(ref.node);
  const auto whole = both.wire(here.id());
  etf::vector_writer result;
  result.pid(of_x(50));
  control_message c;
  c.what = op::spawn_reply;
  c.ref = ref;
  c.to = address::of(whole);
  c.flags = spawn_reply_flag::monitor;
  c.reason = result.view();
  both.x.send(c);
  auto got = made.get_future();
  REQUIRE(got.wait_for(patience) == std::future_status::ready);
  CHECK(got.get() == "made");
  control_message down;
  down.what = op::payload_monitor_p_exit;
  down.from = address::of(of_x(50));
  down.to = address::of(whole);
  down.ref = {node, ref.creation, ref.count, ref.words};
  both.x.send(down, atom("boom").bytes());
  CHECK(is_atom(reason_of(here.next()), "boom"));

  const auto alias = here.run([](process& self) { return self.make_alias(); });
  control_message send;
  send.what = op::alias_send;
  send.from = address::of(of_x(5));
  send.to = address::of(cut({name_a, alias.creation, alias.count, alias.words}));
  both.x.send(send, atom("hello").bytes());
  CHECK(is_atom(here.next(), "hello"));
}

TEST_CASE(
    "what a node says on its next connection comes behind all that the lost one ends, however much that is") {
  node_and_peer between;
  const actor here(between.a.host);
  constexpr std::uint32_t many = 40'000; // pools keep a megabyte
  const auto before = runtime::block_memory::in_use();
  here.run([&](process& self) {
    for (std::uint32_t i = 1; i <= many; ++i) self.monitor(between.seen(i));
    return 0;
  });
  REQUIRE(eventually([&] { return between.a.peer(name_x).monitors == many; }));
  CHECK(eventually([&] { return runtime::block_memory::in_use() > before + 100 * many; }));
  simulated_peer again(between.a, name_x);
  control_message c;
  c.what = op::send_sender;
  c.from = address::of(of_x(1));
  c.to = address::of(between.wire(here.id()));
  again.send(c, atom("next").bytes());
  std::uint32_t ended = 0;
  for (auto m = here.next(); !is_atom(m, "next"); m = here.next()) ++ended;
  CHECK(ended == many);
  CHECK(between.a.peer(name_x).monitors == 0);
  CHECK(eventually([&] { return runtime::block_memory::in_use() < before + 50 * many; }));
}
