// SPDX-License-Identifier: MIT
// Calls to another node: one message there and one back between Coppice nodes, and a monitor as well for
// other nodes. However a call ends, neither side keeps anything of it.
#include <doctest/doctest.h>

#include "base/clock.hpp"
#include "cluster.hpp"
#include "runtime/messages/exit_reason.hpp"

using namespace coppice;
using namespace coppice::dist;
using namespace coppice::dist::testing;
using runtime::destination;
using runtime::is_atom;
using runtime::message;
using runtime::process;
using runtime::reference;
using runtime::send_status;
using failure = runtime::await_error::kind;

namespace {

constexpr const char* name_a = "a@127.0.0.1";
constexpr const char* name_b = "b@127.0.0.1";

base::nanos soon(base::nanos from_now) {
  return base::mono_now() + from_now;
}
base::nanos patient() {
  return soon(std::chrono::nanoseconds(patience).count());
}

// {Number, Creation, Id, Serial}: all that the callee needs for its answer.
message question(const reference& ref) {
  runtime::message_writer out;
  out.tuple(4);
  out.integer(static_cast<std::int64_t>(ref.number()));
  for (const std::uint32_t word : {ref.creation, ref.words[3], ref.words[4]}) out.integer(word);
  return out.take();
}

reference reference_in(const message& m, std::uint32_t node) {
  etf::cursor at(m.bytes());
  std::int64_t number = 0;
  std::int64_t words[3] = {};
  REQUIRE(at.read_tuple_of(4));
  REQUIRE(at.read_integer(number));
  for (auto& word : words) REQUIRE(at.read_integer(word));
  const auto small = [&](int i) { return static_cast<std::uint32_t>(words[i]); };
  return reference::made_by({node, small(0), small(1), small(2)}, static_cast<std::uint64_t>(number));
}

bool is_nodedown(const message& m, std::string_view node) {
  etf::cursor at(m.bytes());
  return at.read_tuple_of(2) && at.read_atom_is("nodedown") && at.read_atom_is(node);
}

process::awaited ask(process& self, const destination& whom, base::nanos deadline) {
  const auto ref = self.make_ack();
  self.send_call(whom, ref, question(ref));
  return self.await(ref, deadline);
}

struct two_nodes {
  epmd_server epmd;
  cluster_node a{epmd, name_a};
  cluster_node b{epmd, name_b};
  actor caller{a.host};
  actor callee{b.host, {.name = "callee"}};

  destination there() { return a.see(b, "callee"); }
  // `by` answers the next call to the callee with `value`.
  void answer(std::int64_t value, const actor& by) {
    const auto asked = callee.next();
    const auto ref = reference_in(asked, b.index(a));
    by.run([&](process& self) {
      self.answer(ref, number(value));
      return 0;
    });
  }
  bool nothing_left() {
    return eventually([&] {
      return a.peer(name_b).monitors == 0 && b.peer(name_a).monitors == 0 &&
             b.host.info(callee.id())->monitored_by.empty();
    });
  }
};

} // namespace

TEST_CASE("a call between nodes of ours is one message each way") {
  two_nodes both;
  for (int i = 1; i <= 20; ++i) {
    const bool by_name = i % 2 == 0;
    std::optional<message> got;
    std::promise<void> done;
    both.caller.start([&](process& self) {
      auto answer = ask(self, by_name ? both.there() : both.a.see(both.b, both.callee.id()), patient());
      if (answer) got = std::move(*answer);
      done.set_value();
    });
    both.answer(i, both.callee);
    REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
    REQUIRE(got);
    CHECK(value_of(*got) == i);
  }
  CHECK(both.nothing_left());
  CHECK(both.a.peer(name_b).messages_out == 20);
  CHECK(eventually([&] { return both.a.peer(name_b).messages_in == 20; }));
}

TEST_CASE("another process may answer a call, and the callee forgets it") {
  two_nodes both;
  const actor deputy(both.b.host);
  std::optional<message> got;
  std::promise<void> done;
  both.caller.start([&](process& self) {
    if (auto answer = ask(self, both.there(), patient())) got = std::move(*answer);
    done.set_value();
  });
  both.answer(5, deputy);
  REQUIRE(done.get_future().wait_for(patience) == std::future_status::ready);
  REQUIRE(got);
  CHECK(value_of(*got) == 5);
  both.callee.stop(atom("shutdown"));
  CHECK(eventually([&] { return !both.callee.alive(); }));
  CHECK(both.a.peer(name_b).monitors == 0);
  CHECK(both.b.peer(name_a).messages_out == 1); // no exit reason was sent after it
}

TEST_CASE("a call ends with the callee's exit, with noproc, with noconnection, or when the caller gives up") {
  two_nodes both;
  std::optional<process::awaited> got;
  const auto ask_for = [&](const destination& whom, base::nanos deadline) {
    got.reset();
    both.caller.start([&, whom, deadline](process& self) { got = ask(self, whom, deadline); });
  };
  const auto failed_with = [&](failure what, const char* reason) {
    both.caller.run([](process&) { return 0; });
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(got->error().what == what);
    if (*reason != 0) CHECK(is_atom(got->error().reason, reason));
  };
  ask_for(both.a.see(both.b, "nobody"), patient());
  failed_with(failure::down, "noproc");
  ask_for(destination({both.a.index(both.b), both.b.host.creation(), 4000, 0}), patient());
  failed_with(failure::down, "noproc");
  ask_for(destination::remote("x", *both.a.host.nodes().intern("nowhere@127.0.0.1")), patient());
  failed_with(failure::down, "noconnection");
  ask_for(both.there(), soon(1'000'000));
  failed_with(failure::timeout, "");
  both.callee.next();
  CHECK(both.nothing_left());

  ask_for(both.there(), patient());
  both.callee.next();
  both.callee.stop(atom("tired"));
  failed_with(failure::down, "tired");
  CHECK(eventually([&] { return both.a.peer(name_b).monitors + both.b.peer(name_a).monitors == 0; }));

  const actor last(both.b.host, {.name = "last"});
  ask_for(both.a.see(both.b, "last"), patient());
  last.next();
  CHECK(both.b.router.disconnect(both.b.index(both.a)));
  failed_with(failure::down, "noconnection");
}

TEST_CASE(
    "the end of a call, and a kill, pass messages of the same sender that find the caller's mailbox full") {
  std::optional<process::awaited> got; // a killed handler may write it late, so it outlives the nodes
  two_nodes both;
  const actor narrow(both.a.host, {.mailbox = {.messages = 2}});
  const auto there = both.b.see(both.a, narrow.id());
  narrow.start([&](process& self) { got = ask(self, both.there(), runtime::no_deadline); });
  const auto ref = reference_in(both.callee.next(), both.b.index(both.a));
  constexpr int more = 10;
  both.callee.run([&](process& self) {
    for (int i = 0; i < more; ++i) CHECK(self.send(there, number(i)) == send_status::ok);
    return 0;
  });
  SUBCASE("an answer") {
    both.callee.run([&](process& self) {
      self.answer(ref, number(7));
      return 0;
    });
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE(*got);
    CHECK(value_of(**got) == 7);
  }
  SUBCASE("the callee's end") {
    both.callee.stop(atom("crash"));
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(is_atom(got->error().reason, "crash"));
  }
  SUBCASE("a kill") {
    both.callee.run([&](process& self) {
      self.exit(there, runtime::reasons::kill());
      return 0;
    });
    CHECK(eventually([&] { return !narrow.alive(); }));
  }
}

TEST_CASE("an await whose time is over takes an answer that has come, also from outside a full mailbox") {
  std::optional<process::awaited> got;
  two_nodes both;
  const actor narrow(both.a.host, {.mailbox = {.messages = 2}});
  const actor quick(both.a.host, {.name = "quick"});
  std::promise<void> has_come;
  narrow.start([&](process& self) {
    const auto ref = self.monitor(both.there(), {.alias = runtime::alias_until::reply, .request = true});
    self.send(both.there(), question(ref));
    CHECK(self.expect_answer(ref));
    (void)self.blocking_run([&] { has_come.get_future().wait(); });
    got = self.await(ref, self.now());
  });
  const auto ref = reference_in(both.callee.next(), both.b.index(both.a));
  constexpr int more = 10;
  both.callee.start([&](process& self) {
    for (int i = 0; i < more; ++i) self.send(both.b.see(both.a, narrow.id()), number(i));
    self.answer(ref, number(7));
    self.send(both.b.see(both.a, "quick"), number(1));
  });
  CHECK(value_of(quick.next()) == 1);
  has_come.set_value();
  for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
  REQUIRE(got);
  REQUIRE(*got);
  CHECK(value_of(**got) == 7);
}

TEST_CASE("the end of a request that is awaited passes messages that find the asker's mailbox full") {
  std::optional<process::awaited> got;
  two_nodes both;
  const actor narrow(both.a.host, {.mailbox = {.messages = 2}});
  const actor quick(both.a.host, {.name = "quick"});
  const auto there = both.b.see(both.a, narrow.id());
  narrow.start([&](process& self) {
    const auto ref = self.monitor(both.there(), {.alias = runtime::alias_until::reply, .request = true});
    self.send(both.there(), question(ref));
    CHECK(self.expect_answer(ref));
    got = self.await(ref);
  });
  const auto ref = reference_in(both.callee.next(), both.b.index(both.a));
  constexpr int more = 10;
  both.callee.run([&](process& self) {
    for (int i = 0; i < more; ++i) CHECK(self.send(there, number(i)) == send_status::ok);
    return 0;
  });
  SUBCASE("an answer") {
    both.callee.run([&](process& self) {
      self.answer(ref, number(7));
      return 0;
    });
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE(*got);
    CHECK(value_of(**got) == 7);
  }
  SUBCASE("an answer to the asker's pid") {
    both.callee.run([&](process& self) {
      runtime::message_writer out;
      out.tuple(2);
      runtime::write(out, ref, both.b.host.nodes());
      out.integer(7);
      return self.send(there, out.take());
    });
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE(*got);
    CHECK(value_of(reason_of(**got)) == 7);
  }
  SUBCASE("the callee's end") {
    both.callee.stop(atom("crash"));
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(is_atom(got->error().reason, "crash"));
  }
  SUBCASE("the loss of the callee's node") {
    both.callee.run([&](process& self) { return self.send(both.b.see(both.a, "quick"), number(1)); });
    quick.next(); // so the others have come, too
    CHECK(both.a.router.disconnect(both.a.index(both.b)));
    for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(is_atom(got->error().reason, "noconnection"));
  }
}

TEST_CASE("what the loss of a node causes comes after what its processes sent to a full mailbox before") {
  two_nodes both;
  const actor narrow(both.a.host, {.trap_exit = true, .mailbox = {.messages = 2}});
  const actor quick(both.a.host, {.name = "quick"});
  std::promise<void> let_go;
  narrow.start([&](process& self) {
    self.monitor(both.a.see(both.b, both.callee.id()));
    self.monitor(both.there());
    (void)self.blocking_run([&] { let_go.get_future().wait(); });
  });
  CHECK(eventually([&] { return both.b.host.info(both.callee.id())->monitored_by.size() == 2; }));
  constexpr int more = 10;
  both.callee.start([&](process& self) {
    const auto there = both.b.see(both.a, narrow.id());
    for (int i = 0; i < more; ++i) self.send(there, number(i));
    self.link(there);
    self.monitor(there);
    self.send(both.b.see(both.a, "quick"), number(1));
  });
  CHECK(value_of(quick.next()) == 1);
  for (const actor* one : {&narrow, &quick})
    both.a.router.monitor_node(one->id(), both.a.index(both.b), true);
  CHECK(both.a.router.disconnect(both.a.index(both.b)));
  quick.next(); // nodedown, when links and monitors have ended
  let_go.set_value();
  for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
  for (int i = 0; i < 3; ++i) CHECK(is_atom(reason_of(narrow.next()), "noconnection"));
  CHECK(is_nodedown(narrow.next(), name_b));
  CHECK(eventually([&] {
    const auto shown = both.a.host.info(narrow.id());
    return shown->links.empty() && shown->monitored_by.empty();
  }));
}

TEST_CASE("what cannot be linked or monitored any more says so after what its node sent to a full mailbox") {
  two_nodes both;
  const actor narrow(both.a.host, {.trap_exit = true, .mailbox = {.messages = 2}});
  const actor quick(both.a.host, {.name = "quick"});
  const std::uint32_t there = both.a.index(both.b);
  std::promise<void> is_lost;
  std::promise<void> let_go;
  narrow.start([&](process& self) {
    (void)self.blocking_run([&] { is_lost.get_future().wait(); });
    self.monitor(both.a.see(both.b, both.callee.id()));
    self.monitor(both.there());
    self.link(both.a.see(both.b, both.callee.id()));
    both.a.router.monitor_node(quick.id(), there, true);
    (void)self.blocking_run([&] { let_go.get_future().wait(); });
  });
  constexpr int more = 10;
  both.callee.start([&](process& self) {
    for (int i = 0; i < more; ++i) self.send(both.b.see(both.a, narrow.id()), number(i));
    self.send(both.b.see(both.a, "quick"), number(1));
  });
  CHECK(value_of(quick.next()) == 1);
  both.epmd.remove(name_b); // so that it cannot be connected again
  CHECK(both.a.router.disconnect(there));
  CHECK(eventually([&] { return !both.a.connected(both.b); }));
  is_lost.set_value();
  CHECK(is_nodedown(quick.next(), name_b)); // after all that waited for the connection has come back
  let_go.set_value();
  for (int i = 0; i < more; ++i) CHECK(value_of(narrow.next()) == i);
  for (int i = 0; i < 3; ++i) CHECK(is_atom(reason_of(narrow.next()), "noconnection"));
}

TEST_CASE("the answer to a request that nobody awaits comes after what its sender sent before") {
  two_nodes both;
  const actor narrow(both.a.host, {.mailbox = {.messages = 2}});
  const actor quick(both.a.host, {.name = "quick"});
  std::promise<void> let_go;
  narrow.start([&](process& self) {
    const auto ref = self.monitor(both.there(), {.alias = runtime::alias_until::reply, .request = true});
    self.send(both.there(), question(ref));
    (void)self.blocking_run([&] { let_go.get_future().wait(); });
  });
  const auto ref = reference_in(both.callee.next(), both.b.index(both.a));
  constexpr int more = 10;
  both.callee.start([&](process& self) {
    for (int i = 0; i < more; ++i) self.send(both.b.see(both.a, narrow.id()), number(i));
    self.answer(ref, number(more));
    self.send(both.b.see(both.a, "quick"), number(1));
  });
  CHECK(value_of(quick.next()) == 1);
  let_go.set_value();
  for (int i = 0; i <= more; ++i) CHECK(value_of(narrow.next()) == i);
}

TEST_CASE("messages for a full mailbox wait, one sender's in order, and hold up nobody else's") {
  two_nodes both;
  const actor slow(both.b.host, {.name = "slow", .trap_exit = true, .mailbox = {.messages = 10}});
  const actor quick(both.b.host, {.name = "quick"});
  std::promise<void> let_go;
  slow.start([&](process& self) { (void)self.blocking_run([&] { let_go.get_future().wait(); }); });
  constexpr int count = 1000;
  both.caller.start([&](process& self) {
    for (int i = 0; i < count; ++i) self.send(both.a.see(both.b, "slow"), number(i));
    self.send(both.a.see(both.b, "quick"), number(1));
    self.exit(both.a.see(both.b, slow.id()), atom("enough"));
  });
  CHECK(value_of(quick.next()) == 1);
  CHECK(slow.alive());
  let_go.set_value();
  for (int i = 0; i < count; ++i) REQUIRE(value_of(slow.next()) == i);
  const auto last = slow.next();
  etf::cursor exit_message(last.bytes());
  CHECK(exit_message.read_tuple_of(3));
  CHECK(exit_message.read_atom_is("EXIT"));
  CHECK(both.b.peer(name_a).dropped == 0);
}

TEST_CASE("a call that finds no room even there fails at once") {
  epmd_server epmd;
  cluster_node a(epmd, name_a);
  cluster_node b(epmd, name_b);
  const actor strict(b.host,
                     {.name = "strict", .mailbox = {.messages = 1, .policy = runtime::on_full::drop_new}});
  std::promise<void> let_go;
  std::promise<void> begun;
  strict.start([&](process& self) {
    (void)self.blocking_run([&] {
      begun.set_value();
      let_go.get_future().wait();
    });
  });
  REQUIRE(begun.get_future().wait_for(patience) == std::future_status::ready);
  const actor caller(a.host);
  const auto reason = caller.run([&](process& self) {
    self.send(a.see(b, "strict"), number(1));
    const auto answer = ask(self, a.see(b, "strict"), patient());
    return answer ? message() : answer.error().reason;
  });
  CHECK(is_atom(reason, "mailbox_full"));
  CHECK(eventually([&] { return a.peer(name_b).monitors + b.peer(name_a).monitors == 0; }));
  let_go.set_value();
  CHECK(value_of(strict.next()) == 1); // after this, it no longer uses the promises
}
