// SPDX-License-Identifier: MIT
// Exit signals and links against Erlang's rules ("Processes" in the reference manual; erlang:exit/2, link/1).
#include "runtime/actor.hpp"

namespace coppice::runtime::testing {

namespace {

message exit_term(system& host, const pid& from, const message& reason) {
  return exit_message(from, reason, host.nodes());
}

// The exit reason in a 'DOWN' message.
message reason_of_down(const message& down) {
  etf::cursor in(down.bytes());
  etf::bytes skipped, reason;
  REQUIRE(in.read_tuple_of(5));
  REQUIRE(in.read_atom_is("DOWN"));
  for (int i = 0; i < 3; ++i) REQUIRE(in.read_term(skipped));
  REQUIRE(in.read_term(reason));
  return message::copy_of(reason);
}

} // namespace

TEST_CASE("exit/2 from another process") {
  struct row {
    const char* sent;
    bool trapping;
    bool dies;
    const char* seen; // the exit reason, or the reason in the 'EXIT' message; null: nothing happens
  };
  const row rows[] = {
      {"boom", false, true, "boom"},         {"boom", true, false, "boom"},
      {"normal", false, false, nullptr},     {"normal", true, false, "normal"},
      {"kill", false, true, "killed"},       {"kill", true, true, "killed"},
      {"killed", true, false, "killed"},     {"killed", false, true, "killed"},
      {"shutdown", false, true, "shutdown"},
  };
  node here;
  for (const row& one : rows) {
    CAPTURE(one.sent);
    CAPTURE(one.trapping);
    const actor sender(here.host);
    const actor victim(here.host);
    victim.run([&](process& self) { return self.trap_exit(one.trapping); });
    sender.run([&](process& self) { return self.monitor(victim.id()); });
    sender.run([&](process& self) { return self.exit(victim.id(), atom(one.sent)), 0; });
    if (one.dies) {
      CHECK(reason_of_down(sender.next()) == atom(one.seen));
      continue;
    }
    sender.run([&](process& self) { return self.send(victim.id(), atom("still here")); });
    if (one.seen != nullptr) CHECK(victim.next() == exit_term(here.host, sender.id(), atom(one.seen)));
    CHECK(is_atom(victim.next(), "still here"));
  }
}

TEST_CASE("exit/2 to oneself") {
  struct row {
    const char* sent;
    bool trapping;
    bool dies;
    const char* seen;
  };
  const row rows[] = {
      {"boom", false, true, "boom"},   {"normal", false, true, "normal"}, {"normal", true, false, "normal"},
      {"kill", false, true, "killed"}, {"kill", true, true, "killed"},    {"boom", true, false, "boom"},
  };
  node here;
  for (const row& one : rows) {
    CAPTURE(one.sent);
    CAPTURE(one.trapping);
    const actor watcher(here.host);
    const actor victim(here.host);
    watcher.run([&](process& self) { return self.monitor(victim.id()); });
    const bool exiting = victim.run([&](process& self) {
      self.trap_exit(one.trapping);
      self.exit(self.self(), atom(one.sent));
      return self.exiting();
    });
    CHECK(exiting == one.dies);
    if (one.dies)
      CHECK(reason_of_down(watcher.next()) == atom(one.seen));
    else
      CHECK(victim.next() == exit_term(here.host, victim.id(), atom(one.seen)));
  }
}

TEST_CASE("what a linked process's end does") {
  struct row {
    const char* reason;
    bool trapping;
    bool dies;
    const char* seen;
  };
  const row rows[] = {
      {"normal", false, false, nullptr}, {"normal", true, false, "normal"}, {"boom", false, true, "boom"},
      {"boom", true, false, "boom"},     {"kill", true, false, "kill"},     {"kill", false, true, "kill"},
      {"killed", true, false, "killed"},
  };
  node here;
  for (const row& one : rows) {
    CAPTURE(one.reason);
    CAPTURE(one.trapping);
    const actor watcher(here.host);
    const actor ending(here.host);
    const actor linked(here.host);
    watcher.run([&](process& self) { return self.monitor(linked.id()); });
    linked.run([&](process& self) {
      self.trap_exit(one.trapping);
      self.link(ending.id());
      return 0;
    });
    ending.settle();
    ending.stop(atom(one.reason));
    if (one.dies) {
      CHECK(reason_of_down(watcher.next()) == atom(one.seen));
    } else if (one.seen != nullptr) {
      CHECK(linked.next() == exit_term(here.host, ending.id(), atom(one.seen)));
      CHECK(linked.alive());
    } else {
      // `linked` is told after `ending` is gone.
      REQUIRE(eventually([&] { return !ending.alive() && here.host.info(linked.id())->links.empty(); }));
      linked.settle();
      CHECK(linked.alive());
    }
  }
}

TEST_CASE("a killed process's links see killed, not kill") {
  node here;
  const actor victim(here.host);
  const actor linked(here.host);
  linked.run([&](process& self) {
    self.trap_exit(true);
    self.link(victim.id());
    self.exit(victim.id(), atom("kill"));
    return 0;
  });
  CHECK(linked.next() == exit_term(here.host, victim.id(), atom("killed")));
}

TEST_CASE("a link to a dead pid delivers noproc") {
  node here;
  const actor gone(here.host);
  gone.stop(atom("normal"));
  REQUIRE(eventually([&] { return !gone.alive(); }));
  const actor trapping(here.host);
  trapping.run([&](process& self) {
    self.trap_exit(true);
    self.link(gone.id());
    return 0;
  });
  CHECK(trapping.next() == exit_term(here.host, gone.id(), atom("noproc")));

  const actor watcher(here.host);
  const actor plain(here.host);
  watcher.run([&](process& self) { return self.monitor(plain.id()); });
  plain.run([&](process& self) { return self.link(gone.id()), 0; });
  CHECK(reason_of_down(watcher.next()) == atom("noproc"));
}

TEST_CASE("after unlink no exit comes from that link, and linking again works") {
  node here;
  const actor a(here.host);
  const actor b(here.host);
  a.run([&](process& self) {
    self.trap_exit(true);
    self.link(b.id());
    self.link(b.id());
    self.unlink(b.id());
    self.unlink(b.id());
    self.link(b.id());
    self.unlink(b.id());
    return 0;
  });
  b.settle();
  CHECK(here.host.info(b.id())->links.empty());
  b.stop(atom("boom"));
  REQUIRE(eventually([&] { return !b.alive(); }));
  a.settle();
  CHECK(a.waiting() == 0);

  const actor c(here.host);
  a.run([&](process& self) {
    self.link(c.id());
    self.unlink(c.id());
    self.link(c.id());
    return 0;
  });
  c.settle();
  c.stop(atom("boom"));
  CHECK(a.next() == exit_term(here.host, c.id(), atom("boom")));
}

TEST_CASE("both ends unlinking at once leaves no link behind") {
  node here;
  for (int round = 0; round < 50; ++round) {
    const actor a(here.host);
    const actor b(here.host);
    a.run([&](process& self) { return self.link(b.id()), 0; });
    b.settle();
    a.start([&](process& self) { self.unlink(b.id()); });
    b.start([&](process& self) { self.unlink(a.id()); });
    a.settle();
    b.settle();
    a.settle();
    CHECK(here.host.info(a.id())->links.empty());
    CHECK(here.host.info(b.id())->links.empty());
  }
}

TEST_CASE("who takes exits first gets them before all that waits, in the order they came") {
  std::vector<std::string> order;
  std::promise<void> began, open, done;
  node here(1);
  const auto handle = [&](process& self, message m) {
    if (is_atom(m, "hold")) {
      began.set_value();
      open.get_future().wait();
      return carry_on();
    }
    etf::cursor in(m.bytes());
    std::string_view word;
    if (in.peek() == etf::kind::tuple) {
      etf::bytes from;
      REQUIRE((in.read_tuple_of(3) && in.read_atom_is("EXIT") && in.read_term(from)));
    }
    REQUIRE(in.read_atom(word));
    order.emplace_back(word);
    if (word == "m0") self.exit(self.self(), atom("late"));
    if (order.size() == 103) done.set_value();
    return carry_on();
  };
  const auto prefer_exits = [](process& self) {
    self.take_exits_first();
    return carry_on();
  };
  const pid supervising = here.host.spawn({.trap_exit = true}, script(handle, prefer_exits)).value();
  here.host.send(supervising, atom("hold"));
  began.get_future().wait();
  for (int i = 0; i < 100; ++i) here.host.send(supervising, atom("m" + std::to_string(i)));
  here.host.exit(supervising, atom("first"));
  here.host.exit(supervising, atom("second"));
  open.set_value();
  done.get_future().wait();
  const std::vector<std::string> start(order.begin(), order.begin() + 5);
  CHECK(start == std::vector<std::string>{"first", "second", "m0", "late", "m1"});
  CHECK(order.back() == "m99");
}

TEST_CASE("terminate runs after a stop, and not after an untrapped exit signal") {
  node here;
  for (const bool by_signal : {false, true}) {
    CAPTURE(by_signal);
    std::atomic<int> terminated{0};
    auto does = std::make_unique<scripted>([](process&, message) { return stop(atom("done")); });
    does->on_terminate = [&](process&, const message& reason) {
      terminated += is_atom(reason, "done") ? 1 : 100;
    };
    const pid it = here.host.spawn({}, std::move(does)).value();
    if (by_signal)
      here.host.exit(it, atom("boom"));
    else
      here.host.send(it, atom("go"));
    REQUIRE(eventually([&] { return !here.host.alive(it); }));
    CHECK(terminated == (by_signal ? 0 : 1));
  }
}

} // namespace coppice::runtime::testing
