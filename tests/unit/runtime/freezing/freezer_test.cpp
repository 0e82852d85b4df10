// SPDX-License-Identifier: MIT
// Freezing of processes. A frozen process handles and loses nothing, and is otherwise a process like any
// other; and a group whose members call each other freezes without a deadlock.
#include "runtime/freezing/freezer.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

#include "runtime/actor.hpp"

using namespace coppice::runtime;
using namespace coppice::runtime::testing;
using coppice::base::mono_now;
using coppice::base::nanos;
using coppice::base::nanos_per_ms;
using coppice::base::nanos_per_second;

namespace {

nanos in_time() {
  return mono_now() + 20 * nanos_per_second;
}
nanos soon() {
  return mono_now() + 50 * nanos_per_ms;
}

void nothing(process&, std::size_t) {}

// Asks these processes to freeze. Whether they do in time.
bool froze(freezer& ice, const std::vector<pid>& who) {
  ice.add(who);
  ice.hold(nothing);
  return ice.wait(in_time());
}

// {Pid, Alias}: the form of a call in these tests. answering() sends its answer to the alias.
message call_message(process& self, const reference& ref) {
  message_writer out;
  out.tuple(2);
  write(out, self.self(), self.host().nodes());
  write(out, ref, self.host().nodes());
  return out.take();
}

std::unique_ptr<behaviour> answering(std::function<void(process&)> before = {}) {
  return script([before](process& self, message m) {
    coppice::etf::cursor at(m.bytes());
    if (!at.read_tuple_of(2)) return carry_on();
    (void)read_pid(at, self.host().nodes());
    const auto alias = read_reference(at, self.host().nodes());
    if (!alias) return carry_on();
    if (before) before(self);
    self.answer(*alias, atom("answered"));
    return carry_on();
  });
}

// Whether the message is a tuple that begins with that atom.
bool is_tagged(const message& m, std::string_view tag) {
  coppice::etf::cursor at(m.bytes());
  std::uint32_t arity = 0;
  return at.read_tuple(arity) && at.read_atom_is(tag);
}

// Called in a process's turn. Whether the answer came before the deadline.
bool call(process& self, const pid& to, nanos deadline) {
  const reference ref = self.make_ack();
  self.send_call(to, ref, call_message(self, ref));
  return self.await(ref, deadline).has_value();
}

// Whether frozen processes answer `ask`. It is the call of a process that has to freeze too, and cannot
// before it has the answer.
template <class Ask>
bool answered_while_freezing(freezer& ice, actor& caller, Ask ask) {
  std::atomic<bool> asked{false};
  std::atomic<bool> answered{false};
  caller.start([&](process& self) {
    asked = true;
    answered = ask(self);
  });
  REQUIRE(eventually([&] { return asked.load(); }));
  std::vector<pid> who{caller.id()};
  ice.add(who);
  REQUIRE(ice.wait(in_time()));
  return answered;
}

} // namespace

TEST_CASE("a frozen process handles nothing until it is let go, and then all in order") {
  node n;
  actor a(n.host);
  std::vector<pid> who{a.id()};
  {
    freezer ice(n.host);
    ice.add(who);
    std::atomic<bool> ran{false};
    ice.hold([&](process& p, std::size_t member) {
      ran = member == 0 && p.self() == a.id() && system::current_process() == &p;
    });
    REQUIRE(ice.wait(in_time()));
    CHECK(ran);
    for (int i = 0; i < 100; ++i) n.host.send(a.id(), number(i));
    CHECK(a.waiting() == 0);
    CHECK(n.host.info(a.id())->summary.messages >= 100);
  }
  for (int i = 0; i < 100; ++i) CHECK(value_of(a.next()) == i);
}

TEST_CASE("a process frees itself with the work it is released by") {
  node n;
  actor a(n.host);
  actor b(n.host);
  std::vector<pid> who{a.id(), b.id()};
  freezer ice(n.host);
  REQUIRE(froze(ice, who));
  n.host.send(a.id(), number(1));
  std::atomic<int> ran{0};
  REQUIRE(ice.release([&](process&, std::size_t) { ++ran; }, in_time()));
  CHECK(ran == 2);
  CHECK(ice.members().empty());
  CHECK(value_of(a.next()) == 1);
  b.settle();
}

TEST_CASE("a process in a callback freezes when that is over, and a wait for it ends at its deadline") {
  node n;
  actor a(n.host);
  actor gate(n.host);
  std::atomic<bool> inside{false};
  a.start([&, to = gate.id()](process& self) {
    const reference ref = self.make_ack();
    message_writer out;
    write(out, ref, self.host().nodes());
    self.send(to, out.take());
    inside = true;
    (void)self.await(ref);
  });
  REQUIRE(eventually([&] { return inside.load(); }));
  const message key = gate.next();
  freezer ice(n.host);
  std::vector<pid> who{a.id()};
  ice.add(who);
  ice.hold(nothing);
  CHECK(!ice.wait(soon()));
  CHECK(ice.not_frozen() == who);
  coppice::etf::cursor at(key.bytes());
  n.host.send(destination::alias(*read_reference(at, n.host.nodes())), atom("open"));
  CHECK(ice.wait(in_time()));
  CHECK(ice.not_frozen().empty());
  CHECK(ice.release(nothing, in_time()));
  CHECK(ice.longest_handler() > 0);
  CHECK(ice.stood_still() >= ice.longest_handler());
}

TEST_CASE("a frozen process answers the call a member waits for, and what was sent to it before") {
  node n;
  const auto server = n.host.spawn({}, answering());
  REQUIRE(server);
  actor caller(n.host);
  freezer ice(n.host);
  std::vector<pid> first{*server};
  REQUIRE(froze(ice, first));
  for (int i = 0; i < 2000; ++i) n.host.send(*server, number(i));
  CHECK(answered_while_freezing(ice, caller,
                                [to = *server](process& self) { return call(self, to, no_deadline); }));
  CHECK(ice.not_frozen().empty());
}

TEST_CASE("a call by name is answered as one by pid is") {
  node n;
  const auto server = n.host.spawn({.name = "server"}, answering());
  actor caller(n.host);
  freezer ice(n.host);
  REQUIRE(froze(ice, {*server}));
  CHECK(answered_while_freezing(ice, caller, [](process& self) {
    const reference ref = self.make_ack();
    self.send_call(destination::named("server"), ref, call_message(self, ref));
    return self.await(ref).has_value();
  }));
}

TEST_CASE("what is sent with priority is answered though others that wait were looked at before") {
  std::atomic<bool> other_handled{false}; // written by the server, perhaps while the node stops
  node n;
  auto handles = [&](process& self, message m) {
    coppice::etf::cursor at(m.bytes());
    if (!at.read_tuple_of(2)) return other_handled = true, carry_on();
    (void)read_pid(at, self.host().nodes());
    self.answer(*read_reference(at, self.host().nodes()), atom("answered"));
    return carry_on();
  };
  std::promise<reference> made;
  const auto tells = [&](process& self) {
    made.set_value(self.make_alias(false, urgency::priority));
    return carry_on();
  };
  const pid server = n.host.spawn({.worker = 0}, script(handles, tells)).value();
  const auto alias = destination::alias(made.get_future().get());
  actor caller(n.host, {.worker = 1});
  freezer ice(n.host);
  REQUIRE(froze(ice, {server}));
  std::atomic<bool> answered{false};
  std::promise<void> joined;
  std::promise<void> asking;
  caller.start([&](process& self) {
    asking.set_value();
    (void)self.blocking_run([&] { joined.get_future().wait(); });
    const reference ref = self.make_ack();
    self.send(alias, call_message(self, ref), {.urgency = urgency::priority});
    answered = self.await(ref, in_time()).has_value();
  });
  asking.get_future().wait();
  std::vector<pid> who{caller.id()};
  ice.add(who);
  CHECK_FALSE(ice.wait(soon()));
  n.host.send(server, atom("other"));
  CHECK_FALSE(ice.wait(soon())); // meanwhile the server has looked at that message
  joined.set_value();
  CHECK(ice.wait(in_time()));
  CHECK(answered);
  CHECK_FALSE(other_handled);
}

TEST_CASE("a chain of members that call each other freezes without a deadlock") {
  node n;
  const auto last = n.host.spawn({}, answering());
  const auto middle =
      n.host.spawn({}, answering([to = *last](process& self) { CHECK(call(self, to, no_deadline)); }));
  actor caller(n.host);
  freezer ice(n.host);
  std::vector<pid> servers{*last, *middle};
  REQUIRE(froze(ice, servers));
  CHECK(answered_while_freezing(ice, caller,
                                [to = *middle](process& self) { return call(self, to, no_deadline); }));
}

TEST_CASE("a call from outside the group waits until the process is let go") {
  node n;
  const auto server = n.host.spawn({}, answering());
  actor outside(n.host);
  std::vector<pid> who{*server};
  freezer ice(n.host);
  REQUIRE(froze(ice, who));
  CHECK(!outside.run([to = *server](process& self) { return call(self, to, soon()); }));
  REQUIRE(ice.release(nothing, in_time()));
  CHECK(outside.run([to = *server](process& self) { return call(self, to, in_time()); }));
}

TEST_CASE("a frozen process can be killed, linked and monitored, and keeps its name till then") {
  node n;
  actor a(n.host, {.name = "cold"});
  actor b(n.host);
  std::vector<pid> who{a.id()};
  freezer ice(n.host);
  REQUIRE(froze(ice, who));
  CHECK(n.host.whereis("cold") == a.id());
  b.run([&](process& self) {
    self.trap_exit(true);
    self.link(a.id());
    return self.monitor(a.id());
  });
  n.host.exit(a.id(), reasons::kill());
  CHECK(is_tagged(b.next(), "EXIT"));
  CHECK(is_tagged(b.next(), "DOWN"));
  CHECK(!n.host.whereis("cold"));
  CHECK(ice.wait(in_time()));
  CHECK(ice.members().empty());
  CHECK(ice.release(nothing, in_time()));
}

TEST_CASE("timers of a frozen process fire into its mailbox") {
  node n;
  actor a(n.host);
  actor later(n.host);
  std::vector<pid> who{a.id()};
  {
    freezer ice(n.host);
    REQUIRE(froze(ice, who));
    later.run([&](process& self) {
      self.start_timer(self.now() + nanos_per_ms, a.id(), atom("tick"));
      return self.start_timer(self.now() + 5 * nanos_per_ms, self.self(), atom("tick"));
    });
    CHECK(is_atom(later.next(), "tick"));
    CHECK(a.waiting() == 0);
  }
  CHECK(is_atom(a.next(), "tick"));
}

TEST_CASE("visiting does the work between two messages and keeps nobody") {
  node n;
  std::vector<pid> who;
  std::vector<std::unique_ptr<actor>> all;
  for (int i = 0; i < 50; ++i) {
    all.push_back(std::make_unique<actor>(n.host));
    who.push_back(all.back()->id());
  }
  std::atomic<int> ran{0};
  std::vector<pid> late;
  CHECK(freezer::visit(
      n.host, who, [&](process&, std::size_t) { ++ran; }, in_time(), late));
  CHECK(ran == 50);
  for (const auto& one : all) one->settle();
}

TEST_CASE("those that are dead, or die before their turn, do not hold a freezer up") {
  node n;
  std::vector<pid> who;
  for (int i = 0; i < 200; ++i) {
    const auto made = n.host.spawn({}, script({}));
    who.push_back(*made);
    if (i % 2 == 0) n.host.exit(*made, reasons::kill());
  }
  freezer ice(n.host);
  ice.add(who);
  ice.hold(nothing);
  for (std::size_t i = 1; i < who.size(); i += 4) n.host.exit(who[i], reasons::kill());
  CHECK(ice.wait(in_time()));
  CHECK(ice.release(nothing, in_time()));
}

TEST_CASE("asked to quit, a wait ends before its deadline and the processes go on") {
  node n;
  actor a(n.host);
  std::atomic<bool> inside{false};
  std::atomic<bool> leave{false};
  a.start([&](process&) {
    inside = true;
    leave.wait(false);
  });
  REQUIRE(eventually([&] { return inside.load(); }));
  std::stop_source quit;
  {
    freezer ice(n.host, quit.get_token());
    std::vector<pid> who{a.id()};
    ice.add(who);
    ice.hold(nothing);
    quit.request_stop();
    CHECK(!ice.wait(no_deadline));
  }
  leave = true;
  leave.notify_one();
  a.settle();
}

TEST_CASE("messages of many senders to processes that freeze again and again arrive once and in order") {
  node n(4);
  constexpr int senders = 4;
  constexpr int messages = 20'000;
  actor receiver(n.host);
  std::vector<pid> who{receiver.id()};
  std::vector<std::thread> threads;
  for (int s = 0; s < senders; ++s)
    threads.emplace_back([&, s] {
      for (int i = 0; i < messages; ++i) n.host.send(receiver.id(), number(s * messages + i));
    });
  int rounds = 0;
  for (; rounds < 200; ++rounds) {
    freezer ice(n.host);
    REQUIRE(froze(ice, who));
    REQUIRE(ice.release(nothing, in_time()));
  }
  for (auto& one : threads) one.join();
  std::array<int, senders> next{};
  for (int i = 0; i < senders * messages; ++i) {
    const auto value = value_of(receiver.next());
    const auto sender = static_cast<std::size_t>(value / messages);
    REQUIRE(value % messages == next[sender]++);
  }
}

TEST_CASE("members work as ever until they are to stand still") {
  node n;
  const auto server = n.host.spawn({}, answering());
  actor outside(n.host);
  std::vector<pid> who{*server};
  freezer ice(n.host);
  ice.add(who);
  REQUIRE(ice.wait(in_time()));
  CHECK(outside.run([to = *server](process& self) { return call(self, to, in_time()); }));
  ice.hold(nothing);
  REQUIRE(ice.wait(in_time()));
  CHECK(!outside.run([to = *server](process& self) { return call(self, to, soon()); }));
}

TEST_CASE("a process that answers for another's sake does its work again, and only the last time counts") {
  node n;
  std::atomic<int> handled{0};
  const auto server = n.host.spawn({}, answering([&](process&) { ++handled; }));
  actor caller(n.host);
  actor gate(n.host);
  std::atomic<bool> inside{false};
  std::atomic<bool> answered{false};
  caller.start([&, to = *server, key = gate.id()](process& self) {
    const reference ref = self.make_ack();
    message_writer out;
    write(out, ref, self.host().nodes());
    self.send(key, out.take());
    inside = true;
    (void)self.await(ref);
    answered = call(self, to, no_deadline);
  });
  REQUIRE(eventually([&] { return inside.load(); }));
  const message key = gate.next();
  std::vector<pid> who{*server, caller.id()};
  std::mutex lock;
  std::vector<std::pair<std::size_t, int>> did; // (member, how many calls the server had handled)
  freezer ice(n.host);
  ice.add(who);
  ice.hold([&](process&, std::size_t member) {
    const std::lock_guard guard(lock);
    did.emplace_back(member, handled.load());
  });
  REQUIRE(eventually([&] {
    const std::lock_guard guard(lock);
    return !did.empty();
  }));
  coppice::etf::cursor at(key.bytes());
  n.host.send(destination::alias(*read_reference(at, n.host.nodes())), atom("open"));
  REQUIRE(ice.wait(in_time()));
  CHECK(answered);
  CHECK(did.front() == std::pair<std::size_t, int>{0, 0});
  CHECK(std::ranges::count(did, std::pair<std::size_t, int>{0, 1}) == 1);
  CHECK(std::ranges::count(did, 1, &std::pair<std::size_t, int>::first) == 1);
}

TEST_CASE("a handler that a frozen process runs for another's sake may return under the next freezer") {
  node n;
  std::promise<reference> inside;
  const auto server = n.host.spawn({}, answering([&](process& self) {
                                     const reference ref = self.make_ack();
                                     inside.set_value(ref);
                                     (void)self.await(ref);
                                   }));
  actor caller(n.host);
  std::promise<void> begun;
  std::promise<void> frozen;
  std::atomic<bool> answered{false};
  caller.start([&, to = *server](process& self) {
    begun.set_value();
    (void)self.blocking_run([&] { frozen.get_future().wait(); });
    answered = call(self, to, no_deadline);
  });
  begun.get_future().wait(); // otherwise the caller could freeze before it begins
  std::optional<freezer> first(std::in_place, n.host);
  std::vector<pid> who{*server};
  REQUIRE(froze(*first, who));
  first->add(std::vector<pid>{caller.id()});
  frozen.set_value();
  auto key = inside.get_future();
  REQUIRE(key.wait_for(patience) == std::future_status::ready);
  first.reset();
  freezer second(n.host);
  second.add(who);
  REQUIRE(second.wait(in_time())); // it is a member, but has no order to freeze yet
  n.host.send(destination::alias(key.get()), atom("open"));
  CHECK(eventually([&] { return answered.load(); }));
  second.hold(nothing);
  CHECK(second.wait(in_time()));
  CHECK(second.not_frozen().empty());
  CHECK(second.release(nothing, in_time()));
}

TEST_CASE("a call that goes through processes outside the group is answered") {
  node n(2);
  const auto server = n.host.spawn({}, answering());
  const auto inner =
      n.host.spawn({}, answering([to = *server](process& self) { CHECK(call(self, to, no_deadline)); }));
  const auto outer =
      n.host.spawn({}, answering([to = *inner](process& self) { CHECK(call(self, to, no_deadline)); }));
  actor caller(n.host);
  freezer ice(n.host);
  std::vector<pid> servers{*server};
  REQUIRE(froze(ice, servers));
  std::atomic<bool> asked{false};
  std::atomic<bool> answered{false};
  caller.start([&, to = *outer](process& self) {
    asked = true;
    answered = call(self, to, no_deadline);
  });
  REQUIRE(eventually([&] { return asked.load(); }));
  std::vector<pid> rest{caller.id()};
  ice.add(rest);
  REQUIRE(ice.wait(in_time()));
  CHECK(answered);
}

TEST_CASE("a member that is parked at the full mailbox of a frozen one gets in") {
  node n(2, {.park = 100 * nanos_per_second});
  actor full(n.host, {.mailbox = {.messages = 4}});
  actor sender(n.host);
  freezer ice(n.host);
  std::vector<pid> first{full.id()};
  REQUIRE(froze(ice, first));
  for (int i = 0; i < 4; ++i) n.host.send(full.id(), number(i));
  std::atomic<bool> sending{false};
  std::atomic<bool> sent{false};
  sender.start([&, to = full.id()](process& self) {
    sending = true;
    sent = self.send(to, number(4)) == send_status::ok;
  });
  REQUIRE(eventually([&] { return sending.load(); }));
  std::vector<pid> rest{sender.id()};
  ice.add(rest);
  REQUIRE(ice.wait(in_time()));
  CHECK(sent);
  REQUIRE(ice.release(nothing, in_time()));
  for (int i = 0; i < 5; ++i) CHECK(value_of(full.next()) == i);
}

TEST_CASE("many members on several workers stand still together, and none does its work twice") {
  node n(4);
  constexpr std::size_t count = 3000;
  std::vector<pid> who;
  for (std::size_t i = 0; i < count; ++i) who.push_back(*n.host.spawn({}, answering()));
  std::vector<std::atomic<int>> held(count);
  std::vector<std::atomic<int>> freed(count);
  freezer ice(n.host);
  ice.add(who);
  ice.hold([&](process& p, std::size_t member) {
    if (p.self() == who[member]) ++held[member];
  });
  REQUIRE(ice.wait(in_time()));
  REQUIRE(ice.release([&](process&, std::size_t member) { ++freed[member]; }, in_time()));
  CHECK(ice.members().empty());
  CHECK(std::ranges::all_of(held, [](const auto& times) { return times == 1; }));
  CHECK(std::ranges::all_of(freed, [](const auto& times) { return times == 1; }));
}
