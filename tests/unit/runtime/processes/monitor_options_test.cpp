// SPDX-License-Identifier: MIT
// The options of a monitor: an alias and how long it lasts, and a tag other than 'DOWN'. Source:
// erlang:monitor/3 and demonitor/2 in OTP's reference manual.
#include <algorithm>

#include "runtime/held.hpp"

namespace coppice::runtime::testing {
namespace {

message pair_of(const char* first, const char* second) {
  message_writer out;
  out.tuple(2);
  out.atom(first);
  out.atom(second);
  return out.take();
}

// A process that watches another one, with an alias.
struct watching {
  explicit watching(alias_until until)
      : ref(watcher.run([&](process& self) { return self.monitor(watched.id(), {.alias = until}); })) {}

  // Sends the word to the alias. Whether it arrives.
  bool takes(const char* word) const {
    here.host.send(destination::alias(ref), atom(word));
    watcher.settle();
    return watcher.waiting() != 0 && is_atom(watcher.next(), word);
  }
  bool has_monitor() const { return !here.host.info(watcher.id())->monitors.empty(); }

  mutable node here;
  actor watched{here.host};
  actor watcher{here.host};
  reference ref;
};

} // namespace

TEST_CASE("a monitor's reference is an alias as long as it was asked to be") {
  struct row {
    alias_until until;
    bool first;            // a message to the alias arrives
    bool second;           // a second one arrives
    bool monitors;         // the monitor remains after two messages
    bool after_demonitor;  // a message arrives after demonitor
    bool after_down;       // a message arrives after 'DOWN'
    bool can_be_unaliased; // unalias works, and the monitor remains
  };
  const row rows[] = {
      {alias_until::never, false, false, true, false, false, false},
      {alias_until::unalias, true, true, true, true, true, true},
      {alias_until::demonitor, true, true, true, false, false, true},
      {alias_until::reply, true, false, false, false, false, true},
  };
  for (const row& each : rows) {
    CAPTURE(static_cast<int>(each.until));
    {
      const watching one(each.until);
      CHECK(one.takes("first") == each.first);
      CHECK(one.takes("second") == each.second);
      CHECK(one.has_monitor() == each.monitors);
      CHECK(one.watcher.run([&](process& self) { return self.demonitor(one.ref); }) == each.monitors);
    }
    {
      const watching one(each.until);
      CHECK(one.watcher.run([&](process& self) { return self.demonitor(one.ref); }));
      CHECK(one.takes("late") == each.after_demonitor);
    }
    {
      const watching one(each.until);
      one.watched.stop(atom("why"));
      CHECK(one.watcher.next() ==
            down_message(one.ref, one.watched.id(), atom("why"), one.here.host.nodes()));
      CHECK(one.takes("late") == each.after_down);
    }
    {
      const watching one(each.until);
      const auto unalias = [&](process& self) { return self.unalias(one.ref); };
      CHECK(one.watcher.run(unalias) == each.can_be_unaliased);
      CHECK_FALSE(one.watcher.run(unalias));
      CHECK_FALSE(one.takes("late"));
      one.watched.stop(atom("why"));
      CHECK(word_of(one.watcher.next()) == "why");
    }
  }
}

TEST_CASE("an exit by way of a monitor's alias reaches its process as long as that is one") {
  for (const alias_until until : {alias_until::never, alias_until::unalias, alias_until::demonitor}) {
    CAPTURE(static_cast<int>(until));
    const watching one(until);
    one.watched.run([&](process& self) {
      self.exit(destination::alias(one.ref), atom("kill"));
      return 0;
    });
    one.watched.settle();
    if (until == alias_until::never)
      CHECK_FALSE(one.takes("x"));
    else
      CHECK(eventually([&] { return !one.watcher.alive(); }));
  }
}

TEST_CASE("a monitor's end is told under its tag, by pid and by name") {
  node here;
  const actor watcher(here.host);
  const actor watched(here.host, {.name = "watched"});
  const message tag = pair_of("gone", "for_good");
  const auto name = destination::named("watched");
  const auto [by_pid, by_name] = watcher.run([&](process& self) {
    return std::pair(self.monitor(watched.id(), {.tag = tag}), self.monitor(name, {.tag = tag}));
  });
  watched.settle();
  const auto shown = here.host.info(watcher.id())->monitors;
  CHECK(shown.size() == 2);
  CHECK(std::ranges::count(shown, destination(watched.id())) == 1);
  CHECK(std::ranges::count(shown, name) == 1);
  watched.stop(atom("why"));
  std::vector<message> told{watcher.next(), watcher.next()};
  const auto& nodes = here.host.nodes();
  CHECK(std::ranges::count(told, down_message(by_pid, watched.id(), atom("why"), nodes, tag)) == 1);
  CHECK(std::ranges::count(told, down_message(by_name, name, atom("why"), nodes, tag)) == 1);
}

TEST_CASE("flush takes back an end under any tag, and nothing but that") {
  node here(1);
  const held watcher(here.host);
  const actor first(here.host);
  const actor second(here.host);
  const actor another(here.host);
  const message tag = pair_of("gone", "for_good");
  const auto refs = watcher.run([&](process& self) {
    return std::pair(self.monitor(first.id(), {.tag = tag}), self.monitor(second.id(), {.tag = tag}));
  });
  const auto ends = [&] {
    here.host.send(watcher.id(), atom("before"));
    end(first, "flushed", another);
    end(second, "kept", another);
  };
  const auto order = watcher.order_of(2, ends, [&](process& self) {
    self.answered(refs.first); // takes in what has arrived
    CHECK_FALSE(self.demonitor(refs.first, true));
  });
  CHECK(order == words{"before", "kept"});
}

TEST_CASE("flush leaves a call whose request looks like an end") {
  node here;
  const actor other(here.host);
  const actor server(here.host, {.worker = 0}); // holds its worker's thread until the call has arrived
  const actor caller(here.host, {.worker = 1});
  const reference ref = server.run([&](process& self) { return self.monitor(other.id()); });
  std::promise<answer_to_call::kind> came;
  const auto call = [&] {
    caller.start([&](process& self) {
      const message request = down_message(ref, other.id(), atom("not_so"), here.host.nodes());
      came.set_value(self.call(server.id(), message(request)).what);
    });
    CHECK(eventually([&] { return here.host.info(server.id())->summary.messages != 0; }));
  };
  server.start([&](process& self) {
    call();
    self.answered(ref);
    CHECK(self.demonitor(ref));
    CHECK_FALSE(self.demonitor(ref, true));
  });
  (void)server.next(); // it arrived, so the process has received it
  here.host.exit(server.id(), atom("kill"));
  auto what = came.get_future();
  REQUIRE(what.wait_for(patience) == std::future_status::ready);
  CHECK(what.get() == answer_to_call::kind::down);
}

TEST_CASE("a monitor and an alias are ended by their own process alone") {
  node here;
  const actor watched(here.host);
  const actor a(here.host);
  const actor b(here.host);
  const auto monitors = [&](process& self) {
    return self.monitor(watched.id(), {.alias = alias_until::demonitor});
  };
  const reference of_a = a.run(monitors);
  const reference of_b = b.run(monitors);
  const reference alike = reference::made_by(a.id(), of_b.number());
  for (const reference& not_its : {of_a, alike})
    CHECK_FALSE(b.run([&](process& self) { return self.demonitor(not_its) || self.unalias(not_its); }));
  CHECK(b.run([&](process& self) { return self.unalias(of_b) && self.demonitor(of_b); }));
}

} // namespace coppice::runtime::testing
