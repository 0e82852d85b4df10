// SPDX-License-Identifier: MIT
// What is pushed for a peer is taken out once and in order, as frames where that is possible. A thread that
// pushes into an outbox that no thread drains is told to drain it.
#include "dist/outbox.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "dist/frame.hpp"
#include "dist/handshake_message.hpp"
#include "dist/unpacker.hpp"
#include "runtime/actor.hpp"

using namespace coppice;
using namespace coppice::dist;
using runtime::destination;
using runtime::make_signal;
using runtime::message;
using runtime::pid;
using runtime::signal;
using runtime::signal_kind;
using runtime::testing::number;
using runtime::testing::value_of;

namespace {

constexpr std::uint32_t peers_creation = 9;
constexpr outbox::connected with_frames{3, 1, peers_creation, 1024};
const pid sender{0, 1, 5, 0};
const destination receiver{pid{1, peers_creation, 6, 0}};

runtime::signal_ptr carrying(message payload, const pid& from = sender) {
  return make_signal(signal_kind::message, from, std::move(payload));
}

message binary_of(std::size_t size) {
  runtime::message_writer out(size + 8);
  out.binary(std::string(size, 'x'));
  return out.take();
}

// The numbers that a peer would read from the frames.
std::vector<std::int64_t> read(ready_frames& many) {
  std::vector<std::int64_t> seen;
  unpacker in({}, handshake_message::capability::short_forms);
  auto rest = many.bytes.bytes();
  while (!rest.empty()) {
    const auto whole = next_frame(rest, 1 << 20);
    REQUIRE(whole);
    REQUIRE(*whole);
    const auto taken = in.take(**whole);
    REQUIRE(taken);
    REQUIRE(*taken);
    seen.push_back(value_of((*taken)->payload));
  }
  return seen;
}

// The numbers of everything that is queued.
std::vector<std::int64_t> drain(outbox& out) {
  std::vector<outbox::entry> taken;
  std::vector<std::int64_t> seen;
  out.take_all(taken);
  for (auto& each : taken) {
    if (each.one.what != nullptr) {
      seen.push_back(value_of(each.one.what->payload()));
      continue;
    }
    const auto many = read(each.many);
    CHECK(many.size() == each.many.messages);
    seen.insert(seen.end(), many.begin(), many.end());
  }
  return seen;
}

// The numbers of everything in the lane.
std::vector<std::int64_t> ahead_in(outbox& out) {
  std::vector<routed> taken;
  out.take_ahead(taken);
  std::vector<std::int64_t> seen;
  for (const auto& each : taken) seen.push_back(value_of(each.what->payload()));
  return seen;
}

std::size_t entries_of(outbox& out) {
  std::vector<outbox::entry> taken;
  out.take_all(taken);
  return taken.size();
}

} // namespace

TEST_CASE("the first to push has the duty to drain, until it gives it up with nothing left") {
  outbox out;
  CHECK(out.is_idle());
  CHECK(out.push(receiver, carrying(number(1))));
  CHECK_FALSE(out.push(receiver, carrying(number(2))));
  CHECK_FALSE(out.is_idle());
  CHECK_FALSE(out.try_idle(true)); // something is queued
  CHECK(drain(out) == std::vector<std::int64_t>{1, 2});
  CHECK_FALSE(out.is_idle()); // a thread still drains
  CHECK(out.try_idle(true));
  CHECK(out.is_idle());
  CHECK(out.push(receiver, carrying(number(3))));
}

TEST_CASE("small messages to a connected node become frames, in one order with all else") {
  outbox out;
  out.push(receiver, carrying(number(0))); // before the connection is open
  out.open(with_frames);
  out.push(receiver, carrying(number(1)));
  out.push(destination::remote("kv", 1), carrying(number(2), {}));
  auto call = carrying(number(3));
  call->flags = signal::of_call;
  out.push(receiver, std::move(call));
  auto awaited = carrying(number(4));
  awaited->flags = signal::awaited;
  out.push(receiver, std::move(awaited));
  out.push(destination::alias(runtime::reference::made_by({1, peers_creation, 6, 0}, 1)),
           carrying(number(5)));
  out.push(pid{1, peers_creation + 1, 6, 0}, carrying(number(6))); // a process of the peer's former life
  out.push(receiver, carrying(number(7)));
  auto compressed = carrying(number(8));
  compressed->compression = runtime::sent_compressed::never + 1;
  out.push(receiver, std::move(compressed));
  auto urgent = carrying(number(9));
  urgent->flags = signal::priority;
  out.push(receiver, std::move(urgent));
  out.push(destination::remote("kv", 1 + (1U << 16)), carrying(number(10))); // a pid of another node
  std::vector<outbox::entry> taken;
  out.take_all(taken);
  REQUIRE(taken.size() == 10);
  std::vector<bool> framed;
  for (const auto& each : taken) framed.push_back(each.one.what == nullptr);
  CHECK(framed == std::vector<bool>{false, true, false, false, false, false, true, false, false, false});
  CHECK(read(taken[1].many) == std::vector<std::int64_t>{1, 2});
  CHECK(taken[1].many.generation == 3);
  CHECK(taken[1].many.weight == 2 * 128 + number(1).size() + number(2).size());
  CHECK(read(taken[6].many) == std::vector<std::int64_t>{7});
}

TEST_CASE("frames of one connection are not put behind those of another, nor made when there is none") {
  outbox out;
  out.open(with_frames);
  out.push(receiver, carrying(number(1)));
  out.open({4, 1, peers_creation, 1024});
  out.push(receiver, carrying(number(2)));
  out.close();
  out.push(receiver, carrying(number(3)));
  std::vector<outbox::entry> taken;
  out.take_all(taken);
  REQUIRE(taken.size() == 3);
  CHECK(taken[0].many.generation == 3);
  CHECK(taken[1].many.generation == 4);
  CHECK(taken[2].one.what != nullptr);
}

TEST_CASE("many messages fill one piece of memory after the other") {
  outbox out;
  out.open(with_frames);
  std::vector<std::int64_t> expected;
  for (int i = 0; i < 5000; ++i) {
    out.push(receiver, carrying(number(i)));
    expected.push_back(i);
  }
  CHECK(drain(out) == expected);
  for (int i = 0; i < 100; ++i) out.push(receiver, carrying(binary_of(1000)));
  CHECK(entries_of(out) == 7); // 15 of these frames fit in 16 KiB
}

TEST_CASE("behind a very large message there are only signals until the drainer says it is through") {
  outbox out;
  out.open(with_frames);
  out.push(receiver, carrying(binary_of(std::size_t{1} << 20)));
  out.push(receiver, carrying(number(1)));
  CHECK(entries_of(out) == 2);
  CHECK(out.try_idle(false)); // the large message is still being sent
  out.push(receiver, carrying(number(2)));
  std::vector<outbox::entry> taken;
  out.take_all(taken);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].one.what != nullptr);
  CHECK(out.try_idle(true));
  out.push(receiver, carrying(number(3)));
  taken.clear();
  out.take_all(taken);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].one.what == nullptr);
}

TEST_CASE(
    "what is pushed into the lane is taken before all else, in its order, and its pusher may have to drain") {
  outbox out;
  out.open(with_frames);
  CHECK(out.push(receiver, carrying(number(1))));
  CHECK(out.push_ahead(receiver, carrying(number(2))) == false);
  CHECK(out.push_ahead(receiver, carrying(number(3))) == false);
  CHECK(ahead_in(out) == std::vector<std::int64_t>{2, 3});
  CHECK(drain(out) == std::vector<std::int64_t>{1});
  CHECK(out.push_ahead(receiver, carrying(number(4))) == false);
  CHECK_FALSE(out.try_idle(true)); // the lane has something
  CHECK(ahead_in(out) == std::vector<std::int64_t>{4});
  CHECK(out.try_idle(true));
  CHECK(out.push_ahead(receiver, carrying(number(5))) == true);
}

TEST_CASE("the lane is bounded, has room again once it was taken, and is empty after the connection's end") {
  constexpr std::size_t size = 100'000;
  constexpr std::size_t fit = outbox::most_ahead / (size + 128 + 5);
  outbox out;
  out.open(with_frames);
  for (int again = 0; again < 2; ++again) {
    for (std::size_t i = 0; i < fit; ++i)
      CHECK(out.push_ahead(receiver, carrying(binary_of(size))).has_value());
    CHECK_FALSE(out.push_ahead(receiver, carrying(binary_of(size))).has_value());
    std::vector<routed> taken;
    out.take_ahead(taken);
    CHECK(taken.size() == fit);
  }
  for (std::size_t i = 0; i < fit; ++i) out.push_ahead(receiver, carrying(binary_of(size)));
  out.push(receiver, carrying(number(1)));
  out.close();
  CHECK(ahead_in(out).empty());
  CHECK(drain(out) == std::vector<std::int64_t>{1}); // the drainer decides what happens to it
  CHECK(out.push_ahead(receiver, carrying(number(2))).has_value());
}

TEST_CASE("from many threads nothing is lost, doubled or out of a thread's order, and one drains at a time") {
  constexpr int threads = 4;
  constexpr int each = 20'000;
  outbox out;
  out.open(with_frames);
  std::vector<std::int64_t> seen;
  std::atomic<int> draining{0};
  bool alone = true;
  const auto drain_all = [&] {
    alone = alone && draining.fetch_add(1) == 0;
    for (bool idle = false; !idle;) {
      const auto some = drain(out);
      seen.insert(seen.end(), some.begin(), some.end());
      if (some.empty()) {
        draining.fetch_sub(1);
        idle = out.try_idle(true);
        if (!idle) alone = alone && draining.fetch_add(1) == 0;
      }
    }
  };
  std::vector<std::thread> pushing;
  for (int t = 0; t < threads; ++t) {
    pushing.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        auto what = carrying(number(t * each + i));
        if (i % 3 == 0) what->flags = signal::of_call;
        if (out.push(receiver, std::move(what))) drain_all();
      }
    });
  }
  for (auto& one : pushing) one.join();
  CHECK(alone);
  REQUIRE(seen.size() == threads * each);
  std::vector<std::int64_t> next(threads, 0);
  bool in_order = true;
  for (const auto value : seen)
    in_order = in_order && value % each == next[static_cast<std::size_t>(value / each)]++;
  CHECK(in_order);
}
