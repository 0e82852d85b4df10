// SPDX-License-Identifier: MIT
// Priority messages: which messages they may overtake, and which not. Source: OTP 28's reference manual,
// "Processes", "Adding Messages to the Message Queue", and erlang:alias/1, send/3, exit/3, link/2, monitor/3.
#include <string>
#include <vector>

#include "runtime/freezing/freezer.hpp"
#include "runtime/held.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr sending first{.urgency = urgency::priority};

} // namespace

TEST_CASE("priority messages go before ordinary ones that wait, among each other as they were sent") {
  node here;
  const held receiver(here.host);
  const actor sender(here.host);
  const auto alias = receiver.alias(urgency::priority);
  const auto order = receiver.order_of(6, [&] {
    in_turn(sender, [&](process& self) {
      self.send(receiver.id(), atom("a"));
      self.send(alias, atom("first"), first);
      self.send(receiver.id(), atom("b"));
      self.send(alias, atom("second"), first);
      self.send(alias, atom("c"));
      self.send(alias, atom("third"), first);
    });
  });
  CHECK(order == words{"first", "second", "third", "a", "b", "c"});
}

TEST_CASE("without a priority alias what is sent with priority is an ordinary message") {
  node here;
  const held receiver(here.host, "receiver");
  const actor sender(here.host);
  const auto plain = receiver.alias(urgency::ordinary);
  const auto order = receiver.order_of(5, [&] {
    in_turn(sender, [&](process& self) {
      self.send(receiver.id(), atom("a"));
      self.send(plain, atom("to_alias"), first);
      self.send(receiver.id(), atom("to_pid"), first);
      self.send(destination::named("receiver"), atom("to_name"), first);
      self.exit(plain, atom("exit"), first);
    });
  });
  CHECK(order == words{"a", "to_alias", "to_pid", "to_name", "exit"});
}

TEST_CASE("an alias given back, or used up, takes nothing any more") {
  node here;
  const held receiver(here.host);
  const actor sender(here.host);
  const auto given_back = receiver.alias(urgency::priority);
  const auto once = receiver.alias(urgency::priority, true);
  CHECK(receiver.run([&](process& self) { return self.unalias(given_back.alias_ref()); }));
  const auto order = receiver.order_of(2, [&] {
    in_turn(sender, [&](process& self) {
      self.send(receiver.id(), atom("a"));
      self.send(given_back, atom("lost"), first);
      self.exit(given_back, atom("lost"), first);
      self.send(once, atom("once"), first);
      self.send(once, atom("twice"), first);
      self.exit(once, atom("lost"));
    });
  });
  CHECK(order == words{"once", "a"});
}

TEST_CASE("an exit by way of an alias is the process's, trapped before others if it has priority") {
  node here;
  const held receiver(here.host);
  const actor sender(here.host);
  const auto alias = receiver.alias(urgency::priority);
  const auto order = receiver.order_of(4, [&] {
    in_turn(sender, [&](process& self) {
      self.send(receiver.id(), atom("a"));
      self.exit(alias, atom("ordinary"));
      self.exit(alias, atom("urgent"), first);
      self.exit(receiver.id(), atom("to_pid"), first);
    });
  });
  CHECK(order == words{"urgent", "a", "ordinary", "to_pid"});
  in_turn(sender, [&](process& self) { self.exit(alias, atom("kill")); });
  CHECK(eventually([&] { return !receiver.alive(); }));

  const actor untrapped(here.host);
  const auto own = untrapped.run([](process& self) { return self.make_alias(); });
  untrapped.start([own](process& self) { self.exit(destination::alias(own), atom("normal")); });
  CHECK(eventually([&] { return !untrapped.alive(); }));
}

TEST_CASE("a link's exit goes before ordinary messages as long as it was linked so last") {
  node here(1);
  for (const bool changed : {false, true}) {
    CAPTURE(changed);
    const held receiver(here.host);
    const actor ends(here.host);
    const actor another(here.host);
    in_turn(receiver, [&](process& self) {
      self.link(ends.id(), {.urgency = changed ? urgency::ordinary : urgency::priority});
      self.link(ends.id(), first);
      if (changed) self.link(ends.id());
    });
    const auto order = receiver.order_of(2, [&] {
      here.host.send(receiver.id(), atom("a"));
      end(ends, "ended", another);
    });
    CHECK(order == (changed ? words{"a", "ended"} : words{"ended", "a"}));
  }
}

TEST_CASE("a monitor with priority puts its 'DOWN' before ordinary messages") {
  node here(1);
  const held receiver(here.host);
  const actor one(here.host);
  const actor other(here.host);
  const actor another(here.host);
  in_turn(receiver, [&](process& self) {
    self.monitor(one.id());
    self.monitor(other.id(), {.how = first});
  });
  const auto order = receiver.order_of(3, [&] {
    here.host.send(receiver.id(), atom("a"));
    end(one, "late", another);
    end(other, "early", another);
  });
  CHECK(order == words{"early", "a", "late"});
}

TEST_CASE("flushing the last of what has priority leaves the others and their order") {
  node here(1);
  const held receiver(here.host);
  const actor ends(here.host);
  const auto alias = receiver.alias(urgency::priority);
  const auto ref = receiver.run([&](process& self) { return self.monitor(ends.id(), {.how = first}); });
  const actor sender(here.host);
  const auto sends = [&] {
    in_turn(sender, [&](process& self) {
      self.send(receiver.id(), atom("a"));
      self.send(alias, atom("first"), first);
    });
    end(ends, "flushed", sender);
  };
  const auto flushes = [&](process& self) {
    self.answered(ref); // takes in what has arrived
    CHECK_FALSE(self.demonitor(ref, true));
    self.send(alias, atom("second"), first);
  };
  const auto order = receiver.order_of(3, sends, flushes);
  CHECK(order == words{"first", "second", "a"});
}

TEST_CASE("a call that waits is answered or told of the end though others go before it") {
  node here;
  for (const bool dies : {false, true}) {
    CAPTURE(dies);
    const actor server(here.host);
    const actor caller(here.host);
    const actor sender(here.host);
    const auto alias = server.run([](process& self) { return self.make_alias(false, urgency::priority); });
    std::promise<void> over;
    std::promise<void> begun;
    const auto opened = over.get_future().share(); // a process that dies leaves the thread of the pool behind
    server.start([&, opened](process& self) {
      begun.set_value();
      (void)self.blocking_run([opened] { opened.wait(); });
    });
    begun.get_future().wait();
    std::promise<answer_to_call::kind> came;
    caller.start([&](process& self) { came.set_value(self.call(server.id(), atom("ask")).what); });
    CHECK(eventually([&] { return here.host.info(server.id())->summary.messages > 0; }));
    in_turn(sender, [&](process& self) {
      self.send(destination::alias(alias), atom("urgent"), first);
      if (dies) self.exit(server.id(), atom("kill"));
    });
    over.set_value();
    if (!dies) {
      CHECK(is_atom(server.next(), "urgent"));
      here.host.exit(server.id(), atom("kill"));
    }
    auto what = came.get_future();
    REQUIRE(what.wait_for(patience) == std::future_status::ready);
    CHECK(what.get() == answer_to_call::kind::down);
  }
}

TEST_CASE("a frozen process keeps what has priority before the rest until it is let go") {
  node here;
  const held receiver(here.host);
  const actor sender(here.host);
  const auto alias = receiver.alias(urgency::priority);
  const std::vector<pid> who{receiver.id()};
  {
    freezer ice(here.host);
    ice.add(who);
    ice.hold([](process&, std::size_t) {});
    REQUIRE(ice.wait(base::mono_now() + 20 * base::nanos_per_second));
    in_turn(sender, [&](process& self) {
      for (const char* each : {"a", "b"}) self.send(receiver.id(), atom(each));
      for (const char* each : {"first", "second"}) self.send(alias, atom(each), first);
    });
    CHECK(eventually([&] { return here.host.info(receiver.id())->summary.messages >= 2; }));
    CHECK(receiver.waiting() == 0);
  }
  words order;
  for (int i = 0; i < 4; ++i) order.push_back(word_of(receiver.next()));
  CHECK(order == words{"first", "second", "a", "b"});
}

} // namespace coppice::runtime::testing
