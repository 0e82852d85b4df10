// SPDX-License-Identifier: MIT
// Calls between Coppice nodes, where the request and the reply alone are sent. Both sides see the same as
// with gen's tuples around them; and gen's tuples are sent where the short form cannot express a call.
#include <doctest/doctest.h>

#include <string>

#include "base/clock.hpp"
#include "dist/packer.hpp"
#include "peer_reader.hpp"
#include "runtime/messages/call_forms.hpp"
#include "runtime/messages/delivery.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::answer_to_call;
using runtime::call_id;
using runtime::destination;
using runtime::message;
using runtime::outcome;
using runtime::process;
using runtime::send_status;
using came = answer_to_call::kind;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";

base::nanos patient() {
  return base::mono_now() + std::chrono::nanoseconds(patience).count();
}

message text(std::size_t size) {
  runtime::message_writer out;
  out.binary(std::string(size, 'x'));
  return out.take();
}

message no_term() {
  static constexpr std::uint8_t cut_off[] = {109, 0, 0, 0, 9, 'x'};
  return message::copy_of(cut_off);
}

// Answers a call with its request, in the form in which it came. It answers `broken` with bytes that are no
// term, does not answer `silent`, and ends on `die`.
class echo : public runtime::behaviour {
 public:
  outcome init(process&) override { return runtime::carry_on(); }
  outcome receive(process& self, message whole) override {
    auto& names = self.host().nodes();
    etf::cursor at(whole.bytes());
    std::uint32_t length = 0;
    if (!at.read_tuple_of(3) || !at.read_atom_is("$gen_call") || !at.read_tuple_of(2) || !at.skip() ||
        !at.read_list(length) || !at.read_atom_is("alias"))
      return runtime::carry_on();
    const auto alias = runtime::read_reference(at, names);
    if (alias)
      self.answer(*alias,
                  runtime::whole_answer(names, {alias->owner(), alias->number()}, whole.slice(at.rest())));
    return runtime::carry_on();
  }
  outcome receive_call(process& self, const call_id& call, message request) override {
    if (runtime::is_atom(request, "silent")) return runtime::carry_on();
    if (runtime::is_atom(request, "die")) return runtime::stop(message::atom("oops"));
    if (runtime::is_atom(request, "broken")) {
      const bool refused = self.reply(call, no_term()) == send_status::malformed;
      CHECK(refused);
      self.reply(call, message::atom("instead"));
      return runtime::carry_on();
    }
    self.reply(call, std::move(request));
    return runtime::carry_on();
  }
  void describe(runtime::description& out) const override { out.behaviour = "echo"; }
};

struct two_nodes {
  explicit two_nodes(options of_a = {}) : a(epmd, name_a, std::move(of_a)) {}

  epmd_server epmd;
  cluster_node a;
  cluster_node b{epmd, name_b};
  actor caller{a.host};
  runtime::pid server = *b.host.spawn({.name = "server"}, std::make_unique<echo>());

  answer_to_call ask(const destination& to, const message& request, base::nanos deadline = patient()) {
    return caller.run([&](process& self) {
      const auto ref = self.make_ack();
      if (self.send_call(to, ref, request, process::call_form::request) == send_status::malformed)
        return answer_to_call{came::invalid};
      return self.await_reply(ref, deadline);
    });
  }
  destination by_pid() { return a.see(b, server); }
  destination by_name() { return a.see(b, "server"); }
  // Sends the first signal, which opens the connection. When it is sent, it is not known yet what the peer
  // understands.
  void connect() { REQUIRE(ask(by_name(), number(0)).what != came::down); }
  bool nothing_left() {
    return eventually([&] {
      return a.peer(name_b).monitors == 0 && b.peer(name_a).monitors == 0 &&
             b.host.info(server)->monitored_by.empty();
    });
  }
};

} // namespace

TEST_CASE("a request between nodes of ours comes alone, and its reply too, by pid and by name") {
  two_nodes both;
  both.connect();
  const auto sent = both.a.peer(name_b).bytes_out;
  for (int i = 1; i <= 20; ++i) {
    const auto got = both.ask(i % 2 == 0 ? both.by_name() : both.by_pid(), number(i));
    REQUIRE(got.what == came::reply);
    CHECK(value_of(got.term) == i);
  }
  CHECK(eventually([&] { return both.a.peer(name_b).messages_in == 21; }));
  CHECK(both.a.peer(name_b).messages_out == 21);
  CHECK(both.a.peer(name_b).bytes_out - sent < 20 * 50); // gen's tuples alone would take more than 80 each
  CHECK(both.nothing_left());
}

TEST_CASE("the first call, which opens the connection, is answered as well") {
  two_nodes both;
  const auto got = both.ask(both.by_name(), number(1));
  CHECK(got.what == came::enveloped); // the request was made before the peer's capabilities were known
  CHECK(value_of(runtime::reply_in(got.term)) == 1);
}

TEST_CASE("who asks for the whole message gets it with the caller of the other node in it") {
  two_nodes both;
  both.connect();
  const actor callee(both.b.host, {.name = "callee"});
  std::promise<answer_to_call> got;
  both.caller.start([&](process& self) {
    const auto ref = self.make_ack();
    self.send_call(both.a.see(both.b, "callee"), ref, atom("question"), process::call_form::request);
    got.set_value(self.await_reply(ref, patient()));
  });
  const message whole = callee.next();
  auto& names = both.b.host.nodes();
  const auto asker = both.b.see(both.a, both.caller.id());
  etf::cursor at(whole.bytes());
  REQUIRE(at.read_tuple_of(3));
  REQUIRE(at.read_atom_is("$gen_call"));
  REQUIRE(at.read_tuple_of(2));
  CHECK(runtime::read_pid(at, names) == asker);
  etf::cursor tag = at;
  std::uint32_t length = 0;
  REQUIRE(tag.read_list(length));
  REQUIRE(tag.read_atom_is("alias"));
  const auto alias = runtime::read_reference(tag, names);
  REQUIRE(alias);
  CHECK(alias->owner() == asker);
  CHECK(tag.read_atom_is("question"));
  CHECK(tag.at_end());
  SUBCASE("and may answer by hand") {
    callee.run([&](process& self) {
      return self.answer(*alias, runtime::whole_answer(names, {asker, alias->number()}, number(5)));
    });
    const auto answer = got.get_future().get();
    CHECK(answer.what == came::enveloped);
    CHECK(value_of(runtime::reply_in(answer.term)) == 5);
  }
  SUBCASE("or by the call's identity, also later") {
    callee.settle();
    callee.run([&](process& self) { return self.reply({asker, alias->number()}, number(6)); });
    const auto answer = got.get_future().get();
    CHECK(answer.what == came::reply);
    CHECK(value_of(answer.term) == 6);
  }
  SUBCASE("or end the call") {
    CHECK(callee.run([&](process& self) { return self.caller(*alias) == asker; }));
    CHECK(callee.run([&](process& self) { return self.end_call(*alias, atom("no")); }));
    const auto answer = got.get_future().get();
    CHECK(answer.what == came::down);
    CHECK(runtime::is_atom(answer.term, "no"));
  }
  CHECK(both.nothing_left());
}

TEST_CASE("what is too long for a short form goes in gen's tuples, there and back") {
  for (const std::uint32_t level : {0U, 6U}) {
    CAPTURE(level);
    options packed;
    packed.compression.level = level;
    two_nodes both(packed);
    both.connect();
    // Bytes of a term, 5 more than those of its text.
    constexpr std::size_t bare = runtime::delivery::longest_bare;
    for (const std::size_t size : {std::size_t{2000}, bare - 5, bare - 4, packer::longest_short_payload - 5,
                                   packer::longest_short_payload + 100, std::size_t{3'000'000}}) {
      CAPTURE(size);
      const message request = text(size);
      const auto got = both.ask(both.by_pid(), request);
      REQUIRE(got.what != came::down);
      CHECK((got.what == came::reply) == (size <= bare - 5));
      const message reply = got.what == came::reply ? got.term : runtime::reply_in(got.term);
      CHECK(reply == request);
    }
    CHECK(both.nothing_left());
  }
}

TEST_CASE("what is no term leaves neither node as a request nor as a reply") {
  two_nodes both;
  both.connect();
  CHECK(both.ask(both.by_pid(), no_term()).what == came::invalid);
  CHECK(runtime::is_atom(both.ask(both.by_pid(), atom("broken")).term, "instead"));
  CHECK(both.a.host.counters().malformed == 1);
  CHECK(both.b.host.counters().malformed == 1);
  CHECK(both.a.connected(both.b));
}

TEST_CASE("a bare call ends with its callee, with nobody, at its deadline and with the connection") {
  two_nodes both;
  both.connect();
  const auto nobody = both.ask(both.a.see(both.b, "nobody"), number(1));
  CHECK(nobody.what == came::down);
  CHECK(runtime::is_atom(nobody.term, "noproc"));
  CHECK(both.ask(both.by_pid(), atom("silent"), base::mono_now() + 1'000'000).what == came::timeout);
  CHECK(both.nothing_left());
  const auto died = both.ask(both.by_pid(), atom("die"));
  CHECK(died.what == came::down);
  CHECK(runtime::is_atom(died.term, "oops"));
  both.server = *both.b.host.spawn({.name = "server"}, std::make_unique<echo>());
  std::promise<answer_to_call> got;
  both.caller.start([&](process& self) {
    const auto ref = self.make_ack();
    self.send_call(both.by_pid(), ref, atom("silent"), process::call_form::request);
    got.set_value(self.await_reply(ref, patient()));
  });
  CHECK(eventually([&] { return both.a.peer(name_b).monitors == 1; }));
  both.b.stop();
  const auto lost = got.get_future().get();
  CHECK(lost.what == came::down);
  CHECK(runtime::is_atom(lost.term, "noconnection"));
}

TEST_CASE("what was made bare for a peer that is another now goes to it in gen's tuples") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  raw_peer x(a.port);
  REQUIRE(x.shake_hands(name_b, name_a, flag::offered & ~flag::altact_sig));
  const actor asker(a.host);
  const auto node = *a.host.nodes().intern(name_b);
  peer_reader from(x);
  const auto send = [&](const destination& to, std::uint16_t flags) {
    const auto ref = runtime::reference::made_by(asker.id(), 9);
    auto s = runtime::make_signal(runtime::signal_kind::message, asker.id(), ref, number(7));
    s->flags = static_cast<std::uint16_t>(flags | runtime::signal::bare);
    a.router.route(to, std::move(s));
  };
  send(destination::remote("kv", node), runtime::signal::of_call);
  auto got = from.next();
  while (got.control.what != op::reg_send) got = from.next(); // it follows the call's monitor
  CHECK(got.payload == runtime::whole_call(a.host.nodes(), {asker.id(), 9}, number(7)));
  const runtime::pid caller{node, 1, 5, 0};
  send(destination::alias(runtime::reference::made_by(caller, 3)), runtime::signal::unbounded);
  got = from.next();
  CHECK(got.control.what == op::alias_send);
  CHECK(got.payload == runtime::whole_answer(a.host.nodes(), {caller, 3}, number(7)));
}
