// SPDX-License-Identifier: MIT
// A sender that is faster than its receiver rests, but never for long, and processes never rest for each
// other in a circle.
#include <atomic>
#include <future>
#include <vector>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {

namespace {

constexpr std::int64_t flood = 20'000;
constexpr std::uint64_t short_mailbox = 2'000;

void pour(process& self, const pid& to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) self.send(to, number(i));
}

} // namespace

TEST_CASE("a mailbox stays short while its senders share the receiver's worker") {
  node here(1);
  std::uint64_t longest = 0;
  std::int64_t expected = 0;
  std::promise<void> all;
  const pid sink = here.host
                       .spawn({}, script([&](process& self, const message& m) {
                                longest = std::max(longest, here.host.info(self.self())->summary.messages);
                                CHECK(value_of(m) == expected);
                                if (++expected == flood) all.set_value();
                                return carry_on();
                              }))
                       .value();
  const actor sender(here.host);
  sender.start([&](process& self) { pour(self, sink, flood); });
  all.get_future().wait();
  sender.settle();
  CHECK(longest > short_mailbox / 2); // the sender was ahead of the receiver
  CHECK(longest < 2 * short_mailbox); // a busy machine can cut each rest short, which adds a message
}

TEST_CASE("many senders on all workers lose nothing while they rest") {
  constexpr int senders = 32;
  std::vector<std::int64_t> next(senders, 0);
  std::atomic<std::int64_t> seen{0};
  node here(4, system_options{.park = no_deadline / 2}); // in case the mailbox fills up nevertheless
  const pid sink = here.host
                       .spawn({}, script([&](process&, const message& m) {
                                const std::int64_t value = value_of(m);
                                std::int64_t& mine = next[static_cast<std::size_t>(value / flood)];
                                if (value % flood == mine) ++mine;
                                ++seen;
                                return carry_on();
                              }))
                       .value();
  std::vector<std::unique_ptr<actor>> all;
  for (int s = 0; s < senders; ++s) {
    all.push_back(std::make_unique<actor>(here.host, spawn_options{.worker = s % 4}));
    all.back()->start([&, s](process& self) {
      for (std::int64_t i = 0; i < flood; ++i) self.send(sink, number(s * flood + i));
    });
  }
  CHECK(eventually([&] { return seen == senders * flood; }));
  for (const std::int64_t one : next) CHECK(one == flood);
}

TEST_CASE("who waits for its sender does not hold it up") {
  node here(2);
  const actor receiver(here.host);
  std::promise<void> gate;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { gate.get_future().wait(); }); });
  const actor sender(here.host);
  sender.run([&](process& self) { return pour(self, receiver.id(), flood), 0; });
  CHECK(here.host.info(receiver.id())->summary.messages == static_cast<std::uint64_t>(flood));
  gate.set_value();
  for (std::int64_t i = 0; i < flood; ++i) REQUIRE(value_of(receiver.next()) == i);
}

TEST_CASE("two that flood each other get on with it") {
  std::atomic<std::int64_t> seen{0};
  node here(2);
  std::array<pid, 2> both;
  for (pid& one : both)
    one = here.host
              .spawn({}, script([&](process& self, const message& m) {
                       if (is_atom(m, "go"))
                         pour(self, self.self() == both[0] ? both[1] : both[0], flood);
                       else
                         ++seen;
                       return carry_on();
                     }))
              .value();
  for (int round = 0; round < 4; ++round)
    for (const pid& one : both) here.host.send(one, atom("go"));
  CHECK(eventually([&] { return seen == 8 * flood; }));
}

TEST_CASE("a sender killed while it rests leaves nothing, a receiver that dies lets them go") {
  for (int round = 0; round < 20; ++round) {
    node here(2);
    const actor receiver(here.host);
    const actor sender(here.host);
    std::promise<void> over;
    sender.start([&](process& self) {
      while (!self.exiting() && here.host.alive(receiver.id())) pour(self, receiver.id(), 100);
      over.set_value();
    });
    REQUIRE(eventually([&] {
      const auto seen = here.host.info(receiver.id());
      return seen && seen->summary.messages > 100;
    }));
    here.host.exit(round % 2 == 0 ? sender.id() : receiver.id(), atom("kill"));
    over.get_future().wait();
    CHECK(eventually([&] { return here.host.counters().lingering == 0; }));
  }
}

} // namespace coppice::runtime::testing
