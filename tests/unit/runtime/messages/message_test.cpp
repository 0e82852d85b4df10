// SPDX-License-Identifier: MIT
// Messages and the signals inside their blocks: sharing, slices, borrowed bytes. The address sanitizer
// reports leaks.
#include "runtime/messages/message.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/messages/block.hpp"
#include "runtime/messages/signal.hpp"

namespace coppice::runtime::testing {

TEST_CASE("a writer's message grows over its first block and keeps what was written") {
  message_writer out(8);
  out.list(1000);
  for (int i = 0; i < 1000; ++i) out.integer(i * 1000);
  out.nil();
  const message made = out.take();
  etf::cursor in(made.bytes());
  std::uint32_t length = 0;
  REQUIRE(in.read_list(length));
  CHECK(length == 1000);
  std::int64_t value = 0;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(in.read_integer(value));
    CHECK(value == i * 1000);
  }
  CHECK_FALSE(out.take());
}

TEST_CASE("a failed or empty writer gives no message") {
  message_writer failed;
  failed.fail();
  CHECK_FALSE(failed.take());
  message_writer empty;
  CHECK_FALSE(empty.take());
}

TEST_CASE("a slice keeps the bytes alive, and compact gives them a block of their own") {
  message part;
  {
    message_writer out;
    out.tuple(2);
    out.binary(std::string(100'000, 'x'));
    out.atom("end");
    const message whole = out.take();
    part = whole.slice(whole.bytes().last(5));
  }
  CHECK(is_atom(part, "end"));
  CHECK(part.footprint() > 100'000);
  CHECK(part.compact().footprint() < 1000);
  CHECK(part.compact() == part);
}

TEST_CASE("borrowed bytes are given back once, by the last holder") {
  static constexpr std::uint8_t ok[] = {119, 2, 'o', 'k'};
  int released = 0;
  {
    const message lent = message::borrow(
        ok, [](void* count) { ++*static_cast<int*>(count); }, &released);
    const message copy = lent; // NOLINT: the copy is the point
    CHECK(is_atom(copy, "ok"));
    CHECK(released == 0);
  }
  CHECK(released == 1);
}

TEST_CASE("a signal lives in its message's block when nobody else holds it") {
  message only = message::atom("hello");
  const auto* bytes = only.bytes().data();
  signal_ptr rides = make_signal(signal_kind::message, {}, std::move(only));
  CHECK(block::of(rides.get())->data() == bytes);
  const message back = consume(std::move(rides));
  CHECK(back.bytes().data() == bytes);

  signal_ptr apart = make_signal(signal_kind::message, {}, back);
  CHECK(block::of(apart.get())->data() != bytes);
  CHECK(apart->payload().bytes().data() == bytes);
}

TEST_CASE("a payload taken from a signal outlives it") {
  signal_ptr rides = make_signal(signal_kind::message, {}, message::atom("hello"));
  const message taken = rides->take_payload();
  rides.reset();
  CHECK(is_atom(taken, "hello"));
}

TEST_CASE("messages shared by threads are freed once") {
  const message shared = message::atom("shared");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([shared] {
      for (int n = 0; n < 10000; ++n) {
        const message mine = shared; // NOLINT: counting is the point
        if (!mine) return;
      }
    });
  }
  for (auto& one : threads) one.join();
  CHECK(is_atom(shared, "shared"));
}

TEST_CASE("pids and references come back from the terms they were written as") {
  node_names names("here@localhost");
  const std::uint32_t there = names.intern("there@localhost").value();
  for (const pid& original : {pid{0, 77, 5, 2}, pid{there, 99, 1U << 31, 123456}}) {
    message_writer out;
    write(out, original, names);
    const message term = out.take();
    etf::cursor in(term.bytes());
    CHECK(read_pid(in, names).value() == original);
  }
  const reference ref{there, 99, 3, {1, 2, 3, 0, 0}};
  message_writer out;
  write(out, ref, names);
  const message term = out.take();
  etf::cursor in(term.bytes());
  CHECK(read_reference(in, names).value() == ref);
  CHECK(to_text(pid{0, 77, 5, 2}, names) == "<0.5.2>");
}

} // namespace coppice::runtime::testing
