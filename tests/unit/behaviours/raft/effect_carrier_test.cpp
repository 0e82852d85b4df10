// SPDX-License-Identifier: MIT
// Tests of the leader's carrier of effects in a process: which messages it sends, and which timers and
// monitors it reports.
#include "behaviours/raft/effect_carrier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <future>

#include "base/clock.hpp"
#include "behaviours/test_host.hpp"

using namespace coppice;
using namespace coppice::behaviours;
using namespace coppice::test;
using consensus::payload;
using raft::effect_carrier;
using raft::group_effects;
using runtime::message;

namespace {

// Notes every cast and message that it gets.
class listening final : public native_server {
 public:
  explicit listening(diary& book) : native_server("listening"), book_(book) {}

 protected:
  runtime::outcome handle_cast(runtime::process&, const message& m) override {
    book_.write("cast " + text(m));
    return runtime::carry_on();
  }
  runtime::outcome handle_info(runtime::process&, const message& m) override {
    if (text(m) == "stop") return runtime::stop(message::atom("told"));
    book_.write("got " + text(m));
    return runtime::carry_on();
  }

 private:
  diary& book_;
};

// Owns the effects of a group and runs the test's functions in its own turn. It notes what the carrier
// reports of timers and monitors.
class carrying final : public native_server {
 public:
  using work = std::function<void(runtime::process&, group_effects&, effect_carrier&)>;
  struct orders {
    std::mutex lock;
    std::deque<work> list;
  };
  carrying(diary& book, orders& of)
      : native_server("carrying"),
        orders_(of),
        carrier_(effects_, std::make_shared<raft::machine_progress>(),
                 [&book](runtime::process&, etf::bytes came) {
                   book.write("came " + text(message::copy_of(came)));
                 }) {}

 protected:
  runtime::outcome handle_info(runtime::process& self, const message& m) override {
    if (carrier_.take(self, m)) return runtime::carry_on();
    work next;
    {
      const std::scoped_lock held(orders_.lock);
      if (orders_.list.empty()) return runtime::carry_on();
      next = std::move(orders_.list.front());
      orders_.list.pop_front();
    }
    next(self, effects_, carrier_);
    return runtime::carry_on();
  }

 private:
  orders& orders_;
  group_effects effects_;
  effect_carrier carrier_;
};

struct carrier_host : test_host {
  carrier_host() {
    listener = start("listener", std::make_unique<listening>(book));
    carrier = start("carrier", std::make_unique<carrying>(book, orders));
  }
  ~carrier_host() { // before `orders` is destroyed
    system.exit(carrier, message::atom("kill"));
    (void)end_of(carrier);
  }
  runtime::pid start(const std::string& name, std::unique_ptr<runtime::behaviour> does) {
    runtime::spawn_options how;
    how.name = name;
    const auto made = system.spawn(std::move(how), std::move(does));
    REQUIRE(made.has_value());
    return *made;
  }
  void with(const carrying::work& what) {
    std::promise<void> done;
    {
      const std::scoped_lock held(orders.lock);
      orders.list.emplace_back([&](runtime::process& self, group_effects& of, effect_carrier& by) {
        what(self, of, by);
        done.set_value();
      });
    }
    system.send(carrier, message::atom("work"));
    done.get_future().get();
  }
  void lead(std::uint64_t first, std::uint64_t carried, std::uint64_t index, std::uint64_t most = 1024) {
    with([&](runtime::process& self, group_effects&, effect_carrier& by) {
      by.lead(self, {first, carried, most}, index);
    });
  }
  // Applies an entry that asks for the effects which `what` notes.
  void entry(std::uint64_t index, const std::function<void(group_effects&)>& what) {
    with([&](runtime::process& self, group_effects& of, effect_carrier& by) {
      of.begin(base::wall_now() / base::nanos_per_ms, index);
      what(of);
      of.keep();
      by.applied(self, index);
    });
  }
  void entry_that_sends(std::uint64_t index, const std::string& what, bool cast = false) {
    entry(index, [&](group_effects& of) {
      (void)of.send({payload(term("listener").bytes()), payload(term(what).bytes()), {}, cast});
    });
  }

  carrying::orders orders;
  runtime::pid listener, carrier;
};

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("messages are sent for entries of the leader's own term alone, each entry once") {
  carrier_host host;
  host.entry_that_sends(1, "one"); // this member does not lead
  host.lead(3, 0, 1);
  host.entry_that_sends(2, "two"); // an entry of an earlier term
  host.entry_that_sends(3, "three");
  host.entry_that_sends(4, "four", true);
  CHECK(host.book.take(2) == lines{"got three", "cast four"});
  // A new leader that began from a snapshot: entries that were carried out before are applied once more.
  host.lead(3, 4, 2);
  host.entry_that_sends(3, "three");
  host.entry_that_sends(4, "four");
  host.entry_that_sends(5, "five");
  CHECK(host.book.take(1) == lines{"got five"});
  host.lead(0, 0, 5);
  host.entry_that_sends(6, "six");
  host.lead(8, 5, 6);
  host.entry_that_sends(7, "seven");
  host.entry_that_sends(8, "eight");
  CHECK(host.book.take(1) == lines{"got eight"});
}

TEST_CASE("a timer is told of once, by the leader, and again by the next one until an entry has it") {
  carrier_host host;
  group_effects::key timer = 0;
  host.entry(1, [&](group_effects& of) {
    (void)of.start({base::wall_now(), 0, 0, 0, {}, payload(term("ring").bytes())}, timer);
  });
  const std::string came = "came {timer," + std::to_string(timer) + ",0}";
  host.lead(2, 0, 1);
  host.entry_that_sends(2, "mark");
  CHECK(host.book.take(2).size() == 2);
  host.lead(0, 0, 2);
  host.lead(3, 0, 2);
  host.entry(3, [](group_effects&) {});
  CHECK(host.book.take(1) == lines{came});
  host.entry(4, [&](group_effects& of) {
    etf::vector_writer out;
    const group_effects::came what{timer, 0, {}, {}};
    CHECK(of.expects(what));
    CHECK(of.take(what, out));
  });
  host.lead(5, 0, 4);
  host.entry_that_sends(5, "mark");
  CHECK(host.book.take(1) == lines{"got mark"});
}

TEST_CASE("the end of a monitored process is told, and a reason that is too long for an entry is replaced") {
  carrier_host host;
  host.lead(1, 0, 0);
  host.entry(1, [&](group_effects& of) {
    group_effects::key made = 0;
    (void)of.watch(term("listener").bytes(), term("'DOWN'").bytes(), made);
    (void)of.watch(term("nobody").bytes(), term("'DOWN'").bytes(), made);
    (void)of.watch(term("listener").bytes(), term("'DOWN'").bytes(), made);
  });
  CHECK(host.book.take(1) == lines{"came {down,2,{nobody,test@localhost},noproc}"});
  host.entry(2, [](group_effects& of) { (void)of.end(3); });
  host.system.send(host.listener, message::atom("stop"));
  CHECK(host.book.take(1) == lines{"came {down,1,{listener,test@localhost},told}"});
  // No entry has recorded these two ends, so the next leader reports both again. By then both processes have
  // ended, and the reason noproc is too long.
  host.lead(3, 0, 2, 20);
  host.entry(3, [](group_effects&) {});
  auto again = host.book.take(2);
  std::ranges::sort(again);
  CHECK(again == lines{"came {down,1,{listener,test@localhost},too_large}",
                       "came {down,2,{nobody,test@localhost},too_large}"});
}

TEST_CASE("a timer that repeats is set again by each entry that it brings") {
  carrier_host host;
  host.lead(1, 0, 0);
  group_effects::key timer = 0;
  host.entry(1, [&](group_effects& of) {
    (void)of.start({base::wall_now(), 0, 1'000'000, 0, {}, payload(term("ring").bytes())}, timer);
  });
  for (std::uint64_t fired = 0; fired < 3; ++fired) {
    CHECK(host.book.take(1) ==
          lines{"came {timer," + std::to_string(timer) + "," + std::to_string(fired) + "}"});
    host.entry(2 + fired, [&](group_effects& of) {
      etf::vector_writer out;
      const group_effects::came what{timer, fired, {}, {}};
      CHECK(of.expects(what));
      CHECK(of.take(what, out));
    });
  }
  host.entry(5, [&](group_effects& of) { (void)of.end(timer); });
  host.entry_that_sends(6, "mark");
  auto rest = host.book.take(1);
  if (rest.back() != "got mark") rest = host.book.take(1); // the timer fired once more before it ended
  CHECK(rest.back() == "got mark");
}

TEST_CASE("all of many monitors are told, though only some are on their way at once") {
  carrier_host host;
  host.lead(1, 0, 0);
  constexpr std::uint64_t many = 600;
  host.entry(1, [&](group_effects& of) {
    group_effects::key made = 0;
    for (std::uint64_t i = 0; i < many; ++i) (void)of.watch(term("nobody").bytes(), term("a").bytes(), made);
  });
  std::uint64_t seen = 0;
  for (std::uint64_t index = 2; seen < many; ++index) {
    const auto told = host.book.take(1);
    REQUIRE_FALSE(told.empty());
    CHECK(told.size() <= 256);
    seen += told.size();
    host.entry(index, [&](group_effects& of) {
      for (const std::string& line : told) (void)of.end(std::stoull(line.substr(11)));
    });
  }
  CHECK(seen == many);
}
