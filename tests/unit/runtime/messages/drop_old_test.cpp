// SPDX-License-Identifier: MIT
// Mailboxes that drop their oldest messages when they are full: the newest stay, in order, whichever process
// or node sends.
#include <map>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {
namespace {

spawn_options newest(std::uint32_t messages, int worker = -1) {
  return {.mailbox = {.messages = messages, .policy = on_full::drop_old}, .worker = worker};
}

// Keeps `who` in a handler until release(): it holds its worker's thread, or it is parked and its worker goes
// on.
class held {
 public:
  enum class how { thread, parked };
  held(const actor& who, how way) {
    who.start([this, way](process& self) {
      const auto wait = [this] { open_.get_future().wait(); };
      began_.set_value();
      if (way == how::thread)
        wait();
      else
        (void)self.blocking_run(wait);
    });
    began_.get_future().wait();
  }
  void release() { open_.set_value(); }

 private:
  std::promise<void> began_, open_;
};

} // namespace

TEST_CASE("a full mailbox drops what is oldest when that is its policy, and its senders never wait") {
  for (const auto way : {held::how::thread, held::how::parked}) {
    node here;
    const actor receiver(here.host, newest(3, 0));
    const actor sender(here.host, {.worker = 1});
    held gate(receiver, way);
    const auto outcomes = sender.run([&](process& self) {
      std::vector<send_status> all;
      for (int i = 0; i < 10; ++i) all.push_back(self.send(receiver.id(), number(i)));
      return all;
    });
    CHECK(outcomes == std::vector<send_status>(10, send_status::ok));
    for (int i = 10; i < 20; ++i) CHECK(here.host.send(receiver.id(), number(i)) == send_status::ok);
    gate.release();
    for (std::int64_t i = 17; i < 20; ++i) CHECK(value_of(receiver.next()) == i);
    CHECK(here.host.counters().dropped == 17);
    CHECK(here.host.info(receiver.id())->dropped == 17);
    receiver.settle();
    CHECK(receiver.waiting() == 0);
    CHECK(here.host.info(receiver.id())->summary.messages == 0);
  }
}

TEST_CASE("a sender on the receiver's own worker drops what is oldest too") {
  node here(1);
  const actor receiver(here.host, newest(3));
  const actor sender(here.host);
  held gate(receiver, held::how::parked);
  sender.run([&](process& self) {
    for (int i = 0; i < 10; ++i) CHECK(self.send(receiver.id(), number(i)) == send_status::ok);
    return 0;
  });
  CHECK(here.host.info(receiver.id())->summary.messages == 3);
  gate.release();
  for (std::int64_t i = 7; i < 10; ++i) CHECK(value_of(receiver.next()) == i);
}

TEST_CASE("what is not a message is neither dropped nor overtaken") {
  node here;
  const actor receiver(here.host, newest(2, 0));
  const actor sender(here.host, {.worker = 1});
  receiver.run([](process& self) { return self.trap_exit(true); });
  held gate(receiver, held::how::thread);
  sender.run([&](process& self) {
    self.send_unbounded(receiver.id(), atom("first"));
    for (int i = 0; i < 5; ++i) self.send(receiver.id(), number(i));
    self.send_unbounded(receiver.id(), atom("middle"));
    self.send(receiver.id(), number(5));
    self.exit(receiver.id(), atom("last"));
    return 0;
  });
  gate.release();
  CHECK(is_atom(receiver.next(), "first"));
  CHECK(value_of(receiver.next()) == 4);
  CHECK(is_atom(receiver.next(), "middle"));
  CHECK(value_of(receiver.next()) == 5);
  CHECK(receiver.next() == exit_message(sender.id(), atom("last"), here.host.nodes()));
}

TEST_CASE("the bound in bytes drops as many as it takes, and keeps the newest whatever its size") {
  node here(1);
  const actor receiver(here.host, {.mailbox = {.messages = 100, .bytes = 2000, .policy = on_full::drop_old}});
  const actor sender(here.host);
  held gate(receiver, held::how::parked);
  message_writer large;
  large.binary(std::string(5000, 'x'));
  const message big = large.take();
  sender.run([&](process& self) {
    for (int i = 0; i < 5; ++i) self.send(receiver.id(), number(i));
    return self.send(receiver.id(), big);
  });
  gate.release();
  CHECK(receiver.next() == big);
  receiver.settle();
  CHECK(receiver.waiting() == 0);
}

TEST_CASE("a caller whose request was dropped hears of it at once") {
  node here;
  const actor receiver(here.host, newest(1, 0));
  const actor caller(here.host, {.worker = 1});
  held gate(receiver, held::how::parked);
  std::promise<message> reason;
  caller.start([&](process& self) {
    const reference ref = self.make_ack();
    self.send_call(receiver.id(), ref, atom("request"));
    const auto answer = self.await(ref);
    reason.set_value(answer ? message() : answer.error().reason);
  });
  REQUIRE(eventually([&] { return here.host.info(receiver.id())->summary.messages == 1; }));
  here.host.send(receiver.id(), atom("newer"));
  CHECK(is_atom(reason.get_future().get(), "mailbox_full"));
  gate.release();
  CHECK(is_atom(receiver.next(), "newer"));
}

TEST_CASE("many senders at a mailbox that drops: each one's stay in order, and the counts add up") {
  constexpr int senders = 6;
  constexpr int each = 5000;
  std::atomic<int> handled{0};
  std::atomic<bool> disorder{false};
  node here(3);
  std::map<std::int64_t, std::int64_t> last;
  const pid receiver = here.host
                           .spawn(newest(7, 0), script([&](process&, message m) {
                                    const std::int64_t from = value_of(m) / each;
                                    const std::int64_t nth = value_of(m) % each;
                                    if (last.contains(from) && last[from] >= nth) disorder = true;
                                    last[from] = nth;
                                    ++handled;
                                    return carry_on();
                                  }))
                           .value();
  std::vector<std::unique_ptr<actor>> all;
  for (int s = 0; s < senders; ++s) {
    all.push_back(std::make_unique<actor>(here.host, spawn_options{.worker = s % 3}));
    all.back()->start([&, s](process& self) {
      for (int i = 0; i < each; ++i) self.send(receiver, number(s * each + i));
    });
  }
  for (const auto& one : all) one->settle();
  CHECK(
      eventually([&] { return handled + static_cast<int>(here.host.counters().dropped) == senders * each; }));
  CHECK_FALSE(disorder);
  CHECK(here.host.info(receiver)->summary.messages == 0);
}

TEST_CASE("a process that dies with dropped and waiting messages frees them all") {
  node here;
  for (int round = 0; round < 50; ++round) {
    const actor receiver(here.host, newest(4, 0));
    const actor sender(here.host, {.worker = 1});
    sender.start([&](process& self) {
      for (int i = 0; i < 200; ++i) self.send(receiver.id(), number(i));
    });
    here.host.exit(receiver.id(), atom("kill"));
    sender.settle();
    REQUIRE(eventually([&] { return !receiver.alive(); }));
  }
}

} // namespace coppice::runtime::testing
