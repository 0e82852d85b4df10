// SPDX-License-Identifier: MIT
// A process that waits in a handler: answers, ends of the other process, deadlines, many waits at once, and
// its own death while it is parked.
#include <stdexcept>
#include <string>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
using failure = await_error::kind;

namespace {

// {ReplyTo, N}: the form of a request in these tests, instead of gen_server's protocol.
message request(process& self, const reference& ref, std::int64_t value) {
  message_writer out;
  out.tuple(2);
  write(out, ref, self.host().nodes());
  out.integer(value);
  return out.take();
}

struct asked {
  reference from;
  std::int64_t value = 0;
};

asked parse(process& self, const message& m) {
  asked found;
  etf::cursor in(m.bytes());
  if (!in.read_tuple_of(2)) return found;
  found.from = read_reference(in, self.host().nodes()).value_or(reference{});
  in.read_integer(found.value);
  return found;
}

// Answers N with N + 1.
std::unique_ptr<behaviour> adder() {
  return script([](process& self, message m) {
    const asked one = parse(self, m);
    self.send(destination::alias(one.from), number(one.value + 1));
    return carry_on();
  });
}

// Calls with an even value set up the monitor separately; for calls with an odd value, the request is also
// the monitor.
process::awaited call(process& self, const destination& to, std::int64_t value,
                      base::nanos timeout = 20 * base::nanos_per_second) {
  const bool apart = value % 2 == 0;
  const reference ref = apart ? self.monitor(to, true) : self.make_ack();
  message m = request(self, ref, value);
  if (apart)
    self.send(to, std::move(m));
  else
    self.send_call(to, ref, std::move(m));
  return self.await(ref, self.now() + timeout);
}

} // namespace

TEST_CASE("a call parks and gets its answer, on one worker and between two") {
  for (const unsigned workers : {1U, 2U}) {
    node here(workers);
    const pid server = here.host.spawn({.worker = 0}, adder()).value();
    const actor client(here.host, {.worker = static_cast<int>(workers) - 1});
    const bool right = client.run([&](process& self) {
      for (std::int64_t i = 0; i < 2000; ++i) {
        const auto answer = call(self, server, i);
        if (!answer || value_of(*answer) != i + 1) return false;
      }
      return true;
    });
    CHECK(right);
  }
}

TEST_CASE("calls may nest, in handlers that call others in turn") {
  node here;
  pid next = here.host.spawn({}, adder()).value();
  for (int depth = 0; depth < 20; ++depth) {
    next = here.host
               .spawn({}, script([next](process& self, message m) {
                        const asked one = parse(self, m);
                        const auto answer = call(self, next, one.value);
                        self.send(destination::alias(one.from), number(value_of(*answer) + 1));
                        return carry_on();
                      }))
               .value();
  }
  const actor client(here.host);
  CHECK(client.run([&](process& self) { return value_of(call(self, next, 0).value()); }) == 21);
}

TEST_CASE("a thousand calls at once come back in any order") {
  node here;
  std::vector<pid> servers;
  for (int i = 0; i < 1000; ++i) servers.push_back(here.host.spawn({}, adder()).value());
  const actor client(here.host);
  const bool right = client.run([&](process& self) {
    std::vector<reference> refs;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      refs.push_back(self.monitor(servers[i], true));
      self.send(servers[i], request(self, refs.back(), static_cast<std::int64_t>(i)));
    }
    for (std::size_t i = servers.size(); i-- != 0;) {
      const auto answer = self.await(refs[i], self.now() + 20 * base::nanos_per_second);
      if (!answer || value_of(*answer) != static_cast<std::int64_t>(i) + 1) return false;
    }
    return true;
  });
  CHECK(right);
}

namespace {

// `value` even: the monitor is set up separately. Odd: the request is also the monitor.
void how_a_call_fails(std::int64_t value) {
  node here;
  const actor client(here.host);
  const auto fails = [&](const destination& to, base::nanos timeout = 20 * base::nanos_per_second) {
    return client.run([&](process& self) { return call(self, to, value, timeout).error(); });
  };
  SUBCASE("nobody there: noproc") {
    CHECK(fails(destination::named("nobody")).reason == atom("noproc"));
  }
  SUBCASE("the callee ends: its reason") {
    const pid ends = here.host.spawn({}, script([](process&, message) { return stop(atom("bye")); })).value();
    const await_error error = fails(ends);
    CHECK(error.what == failure::down);
    CHECK(error.reason == atom("bye"));
  }
  SUBCASE("no answer: timeout, and a late answer is dropped") {
    const actor slow(here.host);
    const await_error error = fails(slow.id(), 5 * base::nanos_per_ms);
    CHECK(error.what == failure::timeout);
    const message late = slow.next();
    slow.run(
        [&](process& self) { return self.send(destination::alias(parse(self, late).from), atom("late")); });
    client.settle();
    CHECK(client.waiting() == 0);
    CHECK(here.host.counters().dead_letters == 1);
    CHECK(here.host.info(slow.id())->monitored_by.empty());
  }
  SUBCASE("a deadline in the past does not wait") {
    const actor slow(here.host);
    CHECK(fails(slow.id(), -1).what == failure::timeout);
  }
  SUBCASE("a reference is spent after its answer") {
    const pid server = here.host.spawn({}, adder()).value();
    CHECK(client.run([&](process& self) {
      const reference ref = self.monitor(server, true);
      self.send(server, request(self, ref, 1));
      (void)self.await(ref);
      return self.await(ref).error().what;
    }) == failure::invalid);
  }
}

} // namespace

TEST_CASE("how a call fails, its monitor sent apart") {
  how_a_call_fails(0);
}

TEST_CASE("how a call fails, its monitor on the message") {
  how_a_call_fails(1);
}

TEST_CASE("an answer sent to the process instead of the alias is the call's too") {
  node here;
  const actor client(here.host);
  const actor server(here.host);
  client.start([&](process& self) {
    const reference ref = self.monitor(server.id(), true);
    self.send(server.id(), request(self, ref, 7));
    const auto answer = self.await(ref);
    self.send(server.id(), answer.value());
  });
  const message asked_for = server.next();
  message answer;
  server.run([&](process& self) {
    message_writer out;
    out.tuple(2);
    out.list(1);
    out.atom("alias");
    write(out, parse(self, asked_for).from, self.host().nodes());
    out.atom("seven");
    answer = out.take();
    return self.send(client.id(), answer);
  });
  CHECK(server.next() == answer);
  CHECK(here.host.info(server.id())->monitored_by.empty());
}

TEST_CASE("replies never wait behind the mailbox") {
  node here(1);
  const pid server = here.host.spawn({}, adder()).value();
  const actor client(here.host);
  for (int i = 0; i < 1000; ++i) here.host.send(client.id(), number(i));
  CHECK(client.run([&](process& self) {
    for (int i = 0; i < 1000; ++i) self.send(self.self(), number(i));
    return value_of(call(self, server, 41).value());
  }) == 42);
}

TEST_CASE("a process killed while parked is dead to others at once, and its call says exiting") {
  node here;
  const actor never(here.host);
  const actor watcher(here.host);
  const actor victim(here.host, {.name = "victim"});
  std::promise<std::pair<failure, failure>> unwound;
  watcher.run([&](process& self) { return self.monitor(victim.id()); });
  victim.start([&](process& self) {
    const auto first = call(self, never.id(), 1);
    const auto second = call(self, never.id(), 1);
    unwound.set_value({first.error().what, second.error().what});
  });
  never.next();
  here.host.exit(victim.id(), atom("kill"));
  watcher.next();
  CHECK_FALSE(here.host.whereis("victim").has_value());
  auto done = unwound.get_future();
  REQUIRE(done.wait_for(patience) == std::future_status::ready);
  CHECK(done.get() == std::pair(failure::exiting, failure::exiting));
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
  never.settle();
  CHECK(never.waiting() == 0);
}

TEST_CASE("blocking work parks its process and not the worker") {
  node here(1);
  std::promise<void> release;
  const actor blocked(here.host);
  const actor other(here.host);
  std::atomic<bool> worked{false};
  blocked.start([&](process& self) {
    const auto done = self.blocking_run([&] {
      release.get_future().wait();
      worked = true;
    });
    self.send(other.id(), atom(done ? "done" : "failed"));
  });
  other.settle();
  CHECK_FALSE(worked);
  release.set_value();
  CHECK(is_atom(other.next(), "done"));
  CHECK(worked);
}

TEST_CASE("a process killed during blocking work is dead at once and unwinds when the work is done") {
  node here(1);
  std::promise<void> release;
  std::promise<void> began;
  const actor watcher(here.host);
  const actor blocked(here.host);
  watcher.run([&](process& self) { return self.monitor(blocked.id()); });
  std::atomic<bool> closed{false};
  blocked.start([&](process& self) {
    const auto done = self.blocking_run([&] {
      began.set_value();
      release.get_future().wait();
    });
    closed = !done && done.error().code == base::errc::closed;
  });
  began.get_future().wait();
  here.host.exit(blocked.id(), atom("kill"));
  watcher.next();
  CHECK(here.host.counters().lingering == 1);
  release.set_value();
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
  CHECK(closed);
}

TEST_CASE("the number of parked stacks is bounded, and a call says so") {
  node here(1, system_options{.parked_stacks = 4});
  const actor never(here.host);
  std::vector<std::unique_ptr<actor>> all;
  std::atomic<int> refused{0};
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<actor>(here.host));
    all.back()->start([&](process& self) {
      if (call(self, never.id(), 1).error().what == failure::limit) ++refused;
    });
  }
  CHECK(eventually([&] { return refused == 4; }));
}

TEST_CASE("exceptions that are handled on both sides of a parked call stay each process's own") {
  node here(1);
  const actor callee(here.host);
  std::vector<std::unique_ptr<actor>> all;
  std::vector<std::promise<std::string>> rethrown(8);
  std::vector<reference> refs(8);
  std::atomic<int> parked{0};
  for (std::size_t i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<actor>(here.host));
    all.back()->start([&, i](process& self) {
      try {
        try {
          throw std::runtime_error("outer " + std::to_string(i));
        } catch (const std::exception&) {
          refs[i] = self.make_ack();
          ++parked;
          (void)self.await(refs[i]);
          try {
            throw std::logic_error("inner");
          } catch (const std::exception&) {
          }
          throw;
        }
      } catch (const std::exception& error) {
        rethrown[i].set_value(error.what());
      }
    });
  }
  REQUIRE(eventually([&] { return parked == 8; }));
  callee.run([&](process& self) {
    for (const std::size_t i : {3, 0, 7, 1, 6, 2, 5, 4}) self.answer(refs[i], atom("answer"));
    return 0;
  });
  for (std::size_t i = 0; i < 8; ++i) CHECK(rethrown[i].get_future().get() == "outer " + std::to_string(i));
}

TEST_CASE(
    "a killed process that will not end is told exiting again and again, and unwinds when it gives in") {
  node here(1);
  const actor stubborn(here.host);
  std::promise<int> refused;
  std::promise<void> began;
  stubborn.start([&](process& self) {
    began.set_value();
    int count = 0;
    while (count < 100) {
      const auto answer = self.await(self.make_ack(), self.now() + base::nanos_per_second);
      const bool exiting = !answer && answer.error().what == await_error::kind::exiting;
      if (!exiting || !self.exiting()) break;
      self.send(self.self(), atom("nowhere"));
      ++count;
    }
    refused.set_value(count);
  });
  began.get_future().wait();
  REQUIRE(eventually([&] { return stubborn.parked(); }));
  here.host.exit(stubborn.id(), atom("kill"));
  CHECK(refused.get_future().get() == 100);
  CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
}

TEST_CASE("terminate may call others, and waits for their answer") {
  node here(1);
  const actor callee(here.host);
  std::promise<bool> answered;
  std::promise<reference> asked;
  auto ending = std::make_unique<scripted>([](process&, message) { return stop(atom("done")); });
  ending->on_terminate = [&](process& self, const message&) {
    const reference ref = self.make_ack();
    asked.set_value(ref);
    answered.set_value(self.await(ref).has_value());
  };
  const pid last = here.host.spawn({}, std::move(ending)).value();
  here.host.send(last, atom("end"));
  const reference ref = asked.get_future().get();
  CHECK(here.host.alive(last));
  callee.run([&](process& self) { return self.answer(ref, atom("answer")), 0; });
  CHECK(answered.get_future().get());
  CHECK(eventually([&] { return !here.host.alive(last); }));
}

TEST_CASE("spawn answers when init is through") {
  node here;
  const actor parent(here.host);
  const auto start = [&](scripted::step init) {
    return parent.run([&](process& self) {
      self.trap_exit(true);
      const reference ack = self.make_ack();
      REQUIRE(self.spawn({.link = true, .ack = ack}, script({}, std::move(init))));
      return self.await(ack, self.now() + 20 * base::nanos_per_second).value();
    });
  };
  CHECK(start([](process&) { return carry_on(); }) == atom("ok"));
  CHECK(start([](process&) { return ignore(); }) == atom("ignore"));
  CHECK(start([](process&) { return stop(atom("bad")); }) == error_message(atom("bad")));
  CHECK(start([](process& self) {
          self.exit(self.self(), atom("kill"));
          return carry_on();
        }) == error_message(atom("killed")));
}

TEST_CASE("an init that waits holds up neither its spawner nor its worker") {
  node here(1);
  const pid server = here.host.spawn({}, adder()).value();
  const actor parent(here.host);
  CHECK(parent.run([&](process& self) {
    const reference ack = self.make_ack();
    const auto made =
        self.spawn({.ack = ack}, script({}, [&](process& child) {
                     return value_of(call(child, server, 1).value()) == 2 ? carry_on() : ignore();
                   }));
    REQUIRE(made);
    return self.await(ack).value();
  }) == atom("ok"));
}

} // namespace coppice::runtime::testing
