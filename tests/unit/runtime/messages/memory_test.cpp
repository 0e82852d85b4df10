// SPDX-License-Identifier: MIT
// Memory: the bound on all messages together, what parked and resting processes cost, and that memory goes
// back to the system after a burst. The size of the program is not checked under sanitizers, which allocate
// memory of their own.
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "base/sanitizer.hpp"
#include "held_clock.hpp"
#include "runtime/actor.hpp"
#include "runtime/messages/block.hpp"

namespace coppice::runtime::testing {
namespace {

constexpr std::size_t many = base::sanitized ? 100 : 25'000;

std::int64_t resident() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// Processor time of all threads, in ns.
std::int64_t processor_time() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return used.tv_sec * base::nanos_per_second + used.tv_nsec;
}

message filler(std::size_t bytes) {
  message_writer out(bytes + 8);
  out.binary(std::string(bytes, 'x'));
  return out.take();
}

// Fills the free lists of this thread's pool with blocks of many sizes, 1 MiB each.
void fill_free_lists() {
  constexpr std::size_t each = 1 << 20;
  for (const std::size_t size : {100UL, 200UL, 350UL, 600UL, 850UL, 1800UL, 3800UL, 16'000UL, 70'000UL}) {
    std::vector<message> held;
    for (std::size_t bytes = 0; bytes < each; bytes += size) held.push_back(filler(size));
  }
}

// A process whose handler waits, for each message, for an answer that never comes.
std::unique_ptr<behaviour> waiting(std::atomic<std::size_t>& parked) {
  return script([&](process& self, message) {
    ++parked;
    (void)self.await(self.make_ack());
    --parked;
    return carry_on();
  });
}

} // namespace

TEST_CASE("over the node's memory only empty mailboxes take messages, until there is room again") {
  constexpr std::uint64_t room = 8 << 20;
  node here(2, system_options{.memory = block_memory::in_use() + room});
  const actor receiver(here.host, {.worker = 0});
  const actor other(here.host, {.worker = 1});
  std::promise<void> open;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { open.get_future().wait(); }); });
  std::size_t sent = 0;
  while (here.host.send(receiver.id(), filler(60'000)) == send_status::ok) ++sent;
  CHECK(sent * 60'000 > room / 2);
  CHECK(sent * 60'000 < room * 2);
  CHECK(here.host.counters().dropped == 1);
  std::vector<message> held; // keeps the node over its limit, whatever memory the refused messages give back
  for (int i = 0; i < 8; ++i) held.push_back(filler(60'000));
  CHECK(other.run([&](process& self) { return self.send(self.self(), atom("first")); }) == send_status::ok);
  CHECK(is_atom(other.next(), "first")); // and it has left the mailbox, so the next message finds it empty
  CHECK(other.run([&](process& self) { return self.send(receiver.id(), atom("more")); }) ==
        send_status::full);
  held.clear();
  open.set_value();
  for (std::size_t i = 0; i < sent; ++i) (void)receiver.next();
  CHECK(eventually([&] { return here.host.send(receiver.id(), filler(60'000)) == send_status::ok; }));
}

TEST_CASE("free blocks alone never keep memory scarce, not even those of a worker that does not sleep") {
  std::atomic<bool> goes_on{true};
  node here(1, system_options{.memory = block_memory::in_use() + (4 << 20)});
  const auto again = [&](process& self, message m) {
    if (goes_on) self.send(self.self(), std::move(m));
    return carry_on();
  };
  here.host.send(here.host.spawn({}, script(again)).value(), atom("again"));
  const actor filling(here.host);
  CHECK(filling.run([](process&) {
    fill_free_lists();
    return block_memory::scarce();
  }));
  CHECK(eventually([] { return !block_memory::scarce(); }));
  goes_on = false;
}

TEST_CASE("the age of the oldest message waiting is told, and none when none waits") {
  node here(1);
  const actor receiver(here.host);
  const actor sender(here.host);
  CHECK(here.host.info(receiver.id())->oldest_message_age == 0);
  std::promise<void> open;
  receiver.start([&](process& self) { (void)self.blocking_run([&] { open.get_future().wait(); }); });
  const base::nanos before = base::mono_now();
  sender.run([&](process& self) { return self.send(receiver.id(), atom("old")); });
  constexpr base::nanos old = 20 * base::nanos_per_ms;
  REQUIRE(eventually([&] { return here.host.info(receiver.id())->oldest_message_age > old; }));
  const base::nanos first = here.host.info(receiver.id())->oldest_message_age;
  sender.run([&](process& self) { return self.send(receiver.id(), atom("young")); });
  const base::nanos second = here.host.info(receiver.id())->oldest_message_age;
  CHECK(second >= first);
  // The sender's clock is as old as its turn, and ages are kept in units of about 1 ms.
  CHECK(second <= base::mono_now() - before + 3 * base::nanos_per_ms);
  open.set_value();
  (void)receiver.next();
  (void)receiver.next();
  CHECK(eventually([&] { return here.host.info(receiver.id())->oldest_message_age == 0; }));
}

TEST_CASE("25,000 processes parked in a call: a stack each, at most 6 KiB, given back afterwards") {
  std::atomic<std::size_t> parked{0};
  node here(2);
  const std::int64_t before = resident();
  std::vector<pid> all(many);
  for (pid& one : all) one = here.host.spawn({}, waiting(parked)).value();
  const std::int64_t spawned = resident();
  for (const pid& one : all) here.host.send(one, atom("wait"));
  REQUIRE(eventually([&] { return parked == many; }));
  const std::int64_t each = (resident() - spawned) / static_cast<std::int64_t>(many);
  MESSAGE("a parked process: ", each, " bytes beyond the process");
  if (!base::sanitized) CHECK(each <= 6 * 1024);
  for (const pid& one : all) here.host.exit(one, atom("kill"));
  REQUIRE(eventually([&] { return parked == 0 && here.host.counters().processes == 0; }));
  if (!base::sanitized)
    CHECK(eventually([&] { return resident() - before < (spawned - before) + (32 << 20); }));
}

TEST_CASE("a node with 25,000 parked stacks stops, and all of them unwind") {
  std::atomic<std::size_t> parked{0};
  {
    node here(2);
    std::vector<pid> all(many);
    for (pid& one : all) one = here.host.spawn({}, waiting(parked)).value();
    for (const pid& one : all) here.host.send(one, atom("wait"));
    REQUIRE(eventually([&] { return parked == many; }));
  }
  CHECK(parked == 0);
}

// The receiver frees what the other worker made, and that worker sleeps by then. In the end both workers
// sleep, and a worker that has slept for a moment keeps no free blocks.
TEST_CASE("after a burst of messages their memory goes back to the system") {
  const std::size_t count = base::sanitized ? 20'000 : 100'000;
  std::promise<void> open, handled;
  const auto opened = open.get_future().share();
  std::size_t left = count;
  node here(2);
  const pid receiver = here.host
                           .spawn({.mailbox = {.messages = 1'000'000}, .worker = 0},
                                  script(
                                      [&](process&, message) {
                                        if (--left == 0) handled.set_value();
                                        return carry_on();
                                      },
                                      [opened](process& self) {
                                        (void)self.blocking_run([&] { opened.wait(); });
                                        return carry_on();
                                      }))
                           .value();
  const actor sender(here.host, {.worker = 1});
  const std::int64_t before = resident();
  const std::uint64_t memory_before = here.host.counters().message_memory;
  sender.run([&](process& self) {
    for (std::size_t i = 0; i < count; ++i) self.send(receiver, filler(1000));
    return 0;
  });
  CHECK(here.host.counters().message_memory - memory_before > count * 1000);
  CHECK(eventually([&] { return here.host.counters().workers[1].sleeping; }));
  open.set_value();
  handled.get_future().wait();
  CHECK(eventually([&] { return here.host.counters().message_memory < memory_before + (1 << 20); }));
  if (!base::sanitized) CHECK(eventually([&] { return resident() - before < (40 << 20); }));
}

TEST_CASE("memory that was kept for nothing goes back, though a burst takes more") {
  constexpr std::size_t kept = std::size_t{16} << 20, each = 3800;
  node here(1);
  const actor keeper(here.host);
  const std::int64_t before = resident();
  const message last = keeper.run([&](process&) {
    std::vector<message> held;
    for (std::size_t bytes = 0; bytes < kept; bytes += each) held.push_back(filler(each));
    // So that the free memory is not at the end of the heap, which malloc returns by itself.
    message behind_them = filler(each);
    held.clear();
    block_memory::given_up(kept);
    return behind_them;
  });
  if (!base::sanitized) CHECK(eventually([&] { return resident() - before < (8 << 20); }));
}

// COPPICE_SOAK sets the number of messages. Unset: 200,000. 100,000,000 simulate the work of a day.
TEST_CASE("messages of all sizes between processes of all workers leave nothing behind") {
  const char* asked = getenv("COPPICE_SOAK");
  const std::int64_t count = asked == nullptr ? 200'000 : std::atoll(asked);
  constexpr std::size_t actors = 64;
  constexpr int tokens = 256;
  std::atomic<std::int64_t> left{count};
  std::atomic<int> ended{0};
  std::vector<pid> all(actors);
  node here(2); // destroyed before the variables that its processes use
  const auto pass_on = [&](process& self, message m) {
    const std::int64_t now_left = left.fetch_sub(1, std::memory_order_relaxed);
    if (now_left <= 0) {
      ++ended;
      return carry_on();
    }
    const auto mixed = static_cast<std::uint64_t>(now_left) * 0x9E3779B97F4A7C15U;
    self.send(all[mixed >> 58], now_left % 4 == 0 ? filler(mixed >> 52 & 0xFFF) : std::move(m));
    return carry_on();
  };
  for (pid& one : all) one = here.host.spawn({}, script(pass_on)).value();
  for (int i = 0; i < tokens; ++i) here.host.send(all[static_cast<std::size_t>(i) % actors], filler(10));
  REQUIRE(eventually([&] { return left < count - count / 10; }));
  const std::int64_t early = resident();
  while (ended < tokens) coppice::test::pause(std::chrono::milliseconds(20));
  MESSAGE(count, " messages: ", early >> 10, " KiB resident after a tenth, ", resident() >> 10,
          " at the end");
  if (!base::sanitized) CHECK(resident() - early < (16 << 20));
}

TEST_CASE("a mailbox of 1,000,000 messages costs as much processor time a message as a short one") {
  const auto nanoseconds_each = [](int count) {
    node here(1);
    std::promise<void> open, done;
    const auto opened = open.get_future().share();
    int left = count;
    const auto handle = [&](process&, message) {
      if (--left == 0) done.set_value();
      return carry_on();
    };
    const auto wait = [opened](process&) {
      opened.wait();
      return carry_on();
    };
    const pid receiver = here.host.spawn({.mailbox = {.messages = 2'000'000}}, script(handle, wait)).value();
    const message one = number(1);
    for (int i = 0; i < count; ++i) REQUIRE(here.host.send(receiver, one) == send_status::ok);
    const std::int64_t before = processor_time();
    open.set_value();
    done.get_future().wait();
    return static_cast<double>(processor_time() - before) / count;
  };
  const double small = nanoseconds_each(50'000);
  const double large = nanoseconds_each(1'000'000);
  MESSAGE("drained at ", small, " and ", large, " ns a message");
  CHECK(large < small * 6); // if the cost were quadratic, it would be 20 times as much
}

} // namespace coppice::runtime::testing
