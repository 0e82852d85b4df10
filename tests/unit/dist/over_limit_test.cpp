// SPDX-License-Identifier: MIT
// Payloads that exceed the limits of a term. What a process waits for (an end, an answer, a reply) arrives
// nevertheless, with `over_limit` in place of the payload.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cluster.hpp"
#include "peer_reader.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::is_atom;
using runtime::message;
using runtime::process;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_x = "x@127.0.0.1";
constexpr std::uint64_t flags = flag::offered & ~(flag::dist_hdr_atom_cache | flag::fragments);
constexpr std::size_t depth = 50;

options limited() {
  options made;
  made.term_limits.depth = depth;
  return made;
}

std::vector<std::uint8_t> too_deep() {
  etf::vector_writer out;
  for (std::size_t i = 0; i < 2 * depth; ++i) out.tuple(1);
  out.atom("end");
  const auto view = out.view();
  return {view.begin(), view.end()};
}

struct node_and_peer {
  epmd_server epmd;
  cluster_node a{epmd, name_a, limited()};
  raw_peer x{a.port};
  peer_reader sent{x};
  node_and_peer() {
    REQUIRE(x.shake_hands(name_x, name_a, flags));
    REQUIRE(eventually([&] { return a.peer(name_x).state == peer_state::connected; }));
  }
  void send(const control_message& c) {
    etf::vector_writer out;
    out.raw(std::vector<std::uint8_t>{0, 0, 0, 0, 112, 131});
    encode_control(out, c);
    if (has_payload(c.what)) {
      out.raw(std::vector<std::uint8_t>{131});
      out.raw(too_deep());
    }
    out.patch32(0, static_cast<std::uint32_t>(out.size() - 4));
    const auto view = out.view();
    x.send({view.begin(), view.end()});
  }
  // The next control message of that operation. Valid until the next call.
  control_message next(op what) {
    for (;;) {
      const auto& frame = sent.next_frame();
      REQUIRE(frame.size() > 2);
      const etf::bytes terms = etf::bytes(frame).subspan(2);
      etf::cursor at(terms);
      REQUIRE(at.skip());
      const auto decoded = decode_control(terms.first(at.offset()));
      REQUIRE(decoded);
      if (decoded->what == what) return *decoded;
    }
  }
  etf::pid wire(const runtime::pid& of) { return {name_a, of.id, of.serial, a.host.creation()}; }
  runtime::pid seen(std::uint32_t id) { return {*a.host.nodes().find(name_x), 77, id, 0}; }
};

const etf::pid of_x{name_x, 5, 0, 77};

// The last element of a tuple, which is the reason of {'EXIT', _, Reason} and {'DOWN', _, _, _, Reason}.
std::string word_of(const message& m) {
  etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  std::string_view reason;
  REQUIRE(at.read_tuple(arity));
  while (arity-- > 1) REQUIRE(at.skip());
  return at.read_atom(reason) ? std::string(reason) : std::string();
}

} // namespace

TEST_CASE("a link whose end has a reason over the limits ends, and so does a monitor") {
  node_and_peer both;
  const actor linked(both.a.host, {.trap_exit = true});
  const actor untrapped(both.a.host);
  control_message c;
  c.from = address::of(of_x);
  for (const actor* each : {&linked, &untrapped}) {
    c.to = address::of(both.wire(each->id()));
    c.what = op::link;
    both.send(c);
    c.what = op::payload_exit;
    both.send(c);
  }
  CHECK(word_of(linked.next()) == "over_limit");
  CHECK(eventually([&] { return !untrapped.alive(); }));
  c.what = op::payload_exit2;
  c.to = address::of(both.wire(linked.id()));
  both.send(c);
  CHECK(word_of(linked.next()) == "over_limit");

  linked.run([&](process& self) { return self.monitor(both.seen(5)); });
  const auto monitor = both.next(op::monitor_p);
  c.what = op::payload_monitor_p_exit;
  c.ref = monitor.ref;
  both.send(c);
  CHECK(word_of(linked.next()) == "over_limit");
}

TEST_CASE("an answer over the limits ends its call") {
  node_and_peer both;
  const actor caller(both.a.host);
  std::promise<runtime::answer_to_call> came;
  caller.start([&](process& self) { came.set_value(self.call_away(both.seen(5), atom("question"))); });
  const auto monitor = both.next(op::monitor_p);
  control_message c;
  c.what = op::alias_send;
  c.from = address::of(of_x);
  c.to = address::of(monitor.ref);
  both.send(c);
  auto answer = came.get_future();
  REQUIRE(answer.wait_for(patience) == std::future_status::ready);
  const auto is = answer.get();
  CHECK(is.what == runtime::answer_to_call::kind::down);
  CHECK(is_atom(is.term, "over_limit"));
}

TEST_CASE("a spawn request whose arguments are over the limits is refused") {
  node_and_peer both;
  static constexpr std::uint8_t no_options[] = {static_cast<std::uint8_t>(etf::tag::nil)};
  control_message c;
  c.what = op::spawn_request;
  c.from = address::of(of_x);
  c.leader = of_x;
  c.ref = {name_x, 77, 3, {1, 2, 3}};
  c.module = c.function = "m";
  c.arity = 1;
  c.options = no_options;
  both.send(c);
  const auto reply = both.next(op::spawn_reply);
  CHECK(etf::cursor(reply.reason).read_atom_is("system_limit"));
  // A message that exceeds them is dropped, and the connection stays.
  const actor there(both.a.host, {.name = "there"});
  c = {};
  c.what = op::reg_send;
  c.from = address::of(of_x);
  c.to = address::of(std::string_view("there"));
  both.send(c);
  CHECK(eventually([&] { return both.a.peer(name_x).dropped == 1; }));
  CHECK(both.a.peer(name_x).state == peer_state::connected);
}
