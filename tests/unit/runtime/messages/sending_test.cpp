// SPDX-License-Identifier: MIT
// Options of a send: without waiting for room, and without opening a connection. priority_test.cpp has the
// sends with priority, tests/unit/dist/no_connect_test.cpp what needs another node.
#include <atomic>
#include <set>

#include "runtime/held.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr sending no_wait{.waits = false};
constexpr sending no_connect{.connects = false};

system_options patient() {
  system_options options;
  options.park = 3600 * base::nanos_per_second;
  return options;
}

// A process with a full mailbox that receives nothing until let_go().
class stuffed {
 public:
  explicit stuffed(system& host) : who(host, {.mailbox = {.messages = 2}}) {
    who.start([this](process& self) {
      begun_.set_value();
      (void)self.blocking_run([this] { over_.get_future().wait(); });
    });
    begun_.get_future().wait();
    for (const char* each : {"a", "b"}) REQUIRE(host.send(who.id(), atom(each)) == send_status::ok);
  }
  void let_go() { over_.set_value(); }

  const actor who;

 private:
  std::promise<void> begun_;
  std::promise<void> over_;
};

} // namespace

TEST_CASE("who does not wait hears of a full mailbox at once, and nothing of the message is left") {
  for (const bool others_wait : {false, true}) {
    CAPTURE(others_wait);
    node here(2, patient());
    stuffed receiver(here.host);
    const actor patient_one(here.host);
    const actor sender(here.host);
    words expected{"a", "b"};
    if (others_wait) {
      patient_one.start([&](process& self) { self.send(receiver.who.id(), atom("c")); });
      CHECK(eventually([&] { return patient_one.parked(); }));
      expected.push_back("c");
    }
    CHECK(sender.run([&](process& self) { return self.send(receiver.who.id(), atom("lost"), no_wait); }) ==
          send_status::full);
    CHECK(here.host.info(receiver.who.id())->dropped == 1);
    receiver.let_go();
    words order;
    for (std::size_t i = 0; i < expected.size(); ++i) order.push_back(word_of(receiver.who.next()));
    CHECK(order == expected);
    CHECK(sender.run([&](process& self) { return self.send(receiver.who.id(), atom("d"), no_wait); }) ==
          send_status::ok);
    CHECK(word_of(receiver.who.next()) == "d");
  }
}

TEST_CASE("who does not wait rests at no long mailbox and keeps its turn, however much it sends") {
  // More than a turn's reductions, and more than a sender may send before it rests.
  constexpr int many = 10'000;
  node here(1);
  std::atomic<int> received{0};
  const pid receiver = here.host
                           .spawn({}, script([&](process&, const message&) {
                                    ++received;
                                    return carry_on();
                                  }))
                           .value();
  const actor sender(here.host);
  CHECK(sender.run([&](process& self) {
    for (int i = 0; i < many; ++i) self.send(receiver, atom("m"), no_wait);
    return received.load();
  }) == 0);
  CHECK(eventually([&] { return received == many; }));
}

TEST_CASE("without a connection, and none to be opened, nothing is sent, linked or monitored") {
  node here;
  const std::uint32_t there = here.host.nodes().intern("far@away").value();
  const pid far{there, 9, 1, 1};
  const auto name = destination::remote("server", there);
  const actor a(here.host);
  in_turn(a, [&](process& self) {
    CHECK(self.send(far, atom("m"), no_connect) == send_status::nodedown);
    CHECK(self.send(name, atom("m"), no_connect) == send_status::nodedown);
    CHECK(self.exit(far, atom("r"), no_connect) == send_status::nodedown);
    CHECK(self.link(far, no_connect) == send_status::nodedown);
    CHECK_FALSE(self.monitor(name, {.how = no_connect}));
  });
  CHECK(here.host.info(a.id())->links.empty());
  CHECK(here.host.info(a.id())->monitors.empty());
  a.settle();
  CHECK(a.waiting() == 0);
  CHECK(here.host.counters().dead_letters == 0);
}

TEST_CASE("here there is no connection to be opened") {
  node here;
  const actor a(here.host);
  const held b(here.host);
  in_turn(a, [&](process& self) {
    self.trap_exit(true);
    CHECK(self.send(b.id(), atom("m"), no_connect) == send_status::ok);
    CHECK(self.link(b.id(), no_connect) == send_status::ok);
    CHECK(self.monitor(b.id(), {.how = no_connect}));
  });
  CHECK(is_atom(b.next(), "m"));
  in_turn(a, [&](process& self) { CHECK(self.exit(b.id(), atom("kill"), no_connect) == send_status::ok); });
  std::set<std::string> ends{word_of(a.next()), word_of(a.next())};
  CHECK(ends == std::set<std::string>{"killed"});
}

} // namespace coppice::runtime::testing
