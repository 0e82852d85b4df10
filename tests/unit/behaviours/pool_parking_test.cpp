// SPDX-License-Identifier: MIT
// Tests of pools at which senders wait for room: which messages wait, in which order they are handled, and
// what ends the wait.
#include "held_clock.hpp"
#include "pool_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::behaviours::pool_testing;

namespace {

// Options of a system whose senders wait for that long at most.
runtime::system_options parking_for(base::nanos time) {
  runtime::system_options out = test_host::options();
  out.park = time;
  return out;
}

pool_spec parking(std::uint32_t limit) {
  pool_spec out;
  out.on_full = pool_overload::park_sender;
  out.queue_limit = limit;
  out.queue_wait = runtime::no_deadline;
  return out;
}

// A pool of one worker, which is busy until it is told `release`.
struct busy_pool : pool_host {
  explicit busy_pool(const pool_spec& options, base::nanos park = 6 * patience)
      : pool_host(parking_for(park)) {
    start(options, 1);
    ask("a", "hold");
    CHECK(book.take(1) == lines{"hold 1"});
    worker = worker_pid(1); // asked now: later the question would wait too
  }
  void tell(std::string_view what) {
    run([&](runtime::process& self) { gen::cast(self, worker, term(what)); });
  }
  // Starts a process that sends `what` to the pool in turn, and then writes `as` into the book.
  runtime::pid send(const std::string& as, lines what) {
    class sender : public runtime::behaviour {
     public:
      sender(test::diary& book, std::string as, lines what)
          : book_(book), as_(std::move(as)), what_(std::move(what)) {}
      runtime::outcome init(runtime::process&) override { return runtime::carry_on(); }
      runtime::outcome receive(runtime::process& self, message) override {
        for (const std::string& one : what_) gen::cast(self, workers, term(one));
        if (!self.exiting()) book_.write(as_);
        return runtime::stop(message::atom("normal"));
      }
      void describe(runtime::description& out) const override { out.behaviour = "sender"; }

     private:
      test::diary& book_;
      const std::string as_;
      const lines what_;
    };
    const auto pid = system.spawn({}, std::make_unique<sender>(book, as, std::move(what)));
    REQUIRE(pid);
    system.send(*pid, message::atom("go"));
    return *pid;
  }
  void until_parked(const runtime::pid& who) {
    for (int tries = 0; tries < 5000; ++tries) {
      const auto info = system.info(who);
      if (info && info->summary.status == runtime::process_status::parked) return;
      coppice::test::pause(std::chrono::milliseconds(1));
    }
    FAIL("it does not wait");
  }
  std::uint64_t in_mailbox() { return system.info(*system.whereis("workers"))->summary.messages; }

  runtime::pid worker;
};

} // namespace

TEST_CASE("senders and callers wait for room in the queue, and all they send is handled in order") {
  busy_pool host(parking(2));
  const auto first = host.send("sent", {"one", "two", "three", "four", "five"});
  host.until_parked(first);
  const auto caller = host.ask("b", "b");
  host.until_parked(caller);
  while (host.report()["queued"] < 2) coppice::test::pause(std::chrono::milliseconds(1));
  CHECK(host.report()["queued"] <= 3); // see pool_overload
  CHECK(host.in_mailbox() >= 2);       // the bounds of the queue
  CHECK(host.in_mailbox() <= 3);
  host.tell("release");
  lines said = host.book.take(8);
  CHECK(std::ranges::count(said, "sent") == 1);
  CHECK(std::ranges::count(said, "b {echo,b}") == 1);
  CHECK(std::ranges::count(said, "a {released,1}") == 1);
  std::erase_if(said, [](const std::string& line) { return !line.starts_with("cast 1 "); });
  CHECK(said == lines{"cast 1 one", "cast 1 two", "cast 1 three", "cast 1 four", "cast 1 five"});
  host.until("handled", 7);
  auto report = host.report();
  CHECK(report["rejected"] == 0);
  CHECK(report["queued"] == 0);
  CHECK(host.in_mailbox() == 0);
}

TEST_CASE("who has waited for as long as senders do hears that there is no room, and nothing of it is left") {
  busy_pool host(parking(1), base::nanos_per_ms);
  host.cast("one");
  host.until("queued", 1);
  CHECK(host.run([](runtime::process& self) { return gen::cast(self, workers, term("two")); }) ==
        runtime::send_status::full);
  CHECK(host.call(workers, "b") == "!exit mailbox_full");
  host.tell("release");
  CHECK(sorted(host.book.take(2)) == lines{"a {released,1}", "cast 1 one"});
  host.until("handled", 2);
  CHECK(host.call(workers, "b") == "{echo,b}");
}

TEST_CASE("a sender that is killed while it waits leaves nothing; others go on") {
  busy_pool host(parking(1));
  host.cast("one");
  host.until("queued", 1);
  const auto killed = host.send("never", {"lost"});
  host.until_parked(killed);
  const auto other = host.send("sent", {"two"});
  host.until_parked(other);
  host.system.exit(killed, message::atom("kill"));
  CHECK(host.end_of(killed) != "normal");
  host.tell("release");
  CHECK(sorted(host.book.take(4)) == lines{"a {released,1}", "cast 1 one", "cast 1 two", "sent"});
}

TEST_CASE("what waits in the queue for too long makes room for who waits outside") {
  pool_spec options = parking(1);
  options.queue_wait = 20 * base::nanos_per_ms;
  busy_pool host(options);
  host.ask("b", "b");
  host.ask("c", "c");
  CHECK(sorted(host.book.take(2)) == lines{"b {error,overloaded}", "c {error,overloaded}"});
  CHECK(host.report()["expired"] == 2);
  CHECK(host.in_mailbox() == 0);
}

TEST_CASE("another node's senders, who cannot wait, have theirs wait for room") {
  busy_pool host(parking(1));
  for (int number = 1; number <= 20; ++number)
    host.system.deliver(workers, test_host::from_peer(term("{number, " + std::to_string(number) + "}")));
  host.tell("release");
  lines said = host.book.take(21);
  std::erase(said, "a {released,1}");
  REQUIRE(said.size() == 20);
  for (int number = 1; number <= 20; ++number)
    CHECK(said[static_cast<std::size_t>(number - 1)] == "info 1 {number," + std::to_string(number) + "}");
}

TEST_CASE("a full pool takes another specification, another size, and its worker's end with a retry") {
  pool_spec options = parking(1);
  options.on_death = on_worker_death::retry_once;
  busy_pool host(options);
  host.cast("one");
  host.until("queued", 1);
  const auto sender = host.send("sent", {"two"});
  host.until_parked(sender);
  options.drain = base::nanos_per_second;
  const auto order = [&](const pool_spec& to, std::uint32_t size) {
    return host.run([&](runtime::process& self) {
      const auto pool = *self.host().whereis("workers");
      const auto laid = host.orders.add(pool_host::order(to, size));
      return test::text(call_engine(self, pool, laid, base::mono_now() + patience).value_or(message()));
    });
  };
  CHECK(order(options, 1) == "ok");
  CHECK(host.report()["queued"] == 1);
  host.tell("{exit, killed}");
  host.until("retried", 1);
  CHECK(host.book.take(1) == lines{"hold 1"}); // tried again before the messages that waited
  CHECK(order(options, 2) == "ok");
  CHECK(sorted(host.book.take(3)) == lines{"cast 2 one", "cast 2 two", "sent"});
  host.tell_worker(1, "release");
  CHECK(host.book.take(1) == lines{"a {released,1}"});
  host.until("handled", 3);
  CHECK(host.in_mailbox() == 0);
}
