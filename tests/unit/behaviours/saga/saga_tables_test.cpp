// SPDX-License-Identifier: MIT
// Tests of the tables of a saga's engine: subscribers and waiting calls. The cost of an operation must not
// grow with the number of entries, so the tests with many entries bound the processor time. If an operation
// walked over all entries, these tests would take minutes.
#include <doctest/doctest.h>

#include <ctime>

#include "behaviours/saga/saga_call_queue.hpp"
#include "behaviours/saga/saga_subscribers.hpp"

using namespace coppice;
using namespace coppice::behaviours;

namespace {

constexpr std::size_t many = 100'000;
constexpr double most_seconds = 20;

double seconds_used() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

runtime::pid process(std::uint32_t node, std::uint32_t id) {
  runtime::pid out;
  out.node = node;
  out.id = id;
  out.creation = 1;
  return out;
}

saga::call call_with(std::uint64_t token, std::string value = {}) {
  saga::call out;
  out.token = token;
  out.value.encoded = std::move(value);
  return out;
}

} // namespace

TEST_CASE("a node has a thousand subscribers of one transaction, and another node ten thousand in all") {
  saga_subscribers all;
  for (const std::uint32_t node : {0U, 1U}) {
    for (std::uint32_t i = 0; i < saga_subscribers::most_of_transaction; ++i)
      CHECK(all.add("tx", process(node, i)));
    CHECK(all.add("tx", process(node, 1))); // the same process again
    CHECK_FALSE(all.add("tx", process(node, 5000)));
  }
  CHECK(all.of("tx")->size() == 2 * saga_subscribers::most_of_transaction);
  const std::size_t bytes = all.bytes_for_others();
  CHECK(bytes > 0);
  for (const std::uint32_t node : {0U, 1U})
    for (std::uint32_t i = 0; i < 10; ++i)
      for (std::uint32_t j = 0; j < saga_subscribers::most_of_transaction; ++j)
        CHECK(all.add("tx" + std::to_string(i), process(node, j)) == (node == 0 || i < 9));
  CHECK(all.bytes_for_others() == 10 * bytes);
  all.remove("tx");
  all.remove("tx");
  CHECK(all.of("tx") == nullptr);
  CHECK(all.add("other", process(1, 1)));
  for (std::uint32_t i = 0; i < 10; ++i) all.remove("tx" + std::to_string(i));
  all.remove("other");
  CHECK(all.bytes_for_others() == 0);
}

TEST_CASE("a subscription costs the same with a hundred thousand others of its transaction") {
  saga_subscribers all;
  const double began = seconds_used();
  const std::uint32_t nodes = many / saga_subscribers::most_of_transaction;
  for (std::uint32_t node = 1; node <= nodes; ++node)
    for (std::uint32_t i = 0; i < saga_subscribers::most_of_transaction; ++i) all.add("tx", process(node, i));
  for (std::uint32_t i = 0; i < many; ++i)
    all.add("tx", process(nodes, saga_subscribers::most_of_transaction - 1));
  CHECK(all.of("tx")->size() == many);
  all.remove("tx");
  CHECK(seconds_used() - began < most_seconds);
}

TEST_CASE("calls wait in the order in which they came, and one is taken out by its token") {
  saga_call_queue waiting;
  waiting.push(call_with(7, "abc"));
  waiting.push(call_with(0, "d"));
  waiting.push(call_with(3, "ef"));
  CHECK(waiting.size() == 3);
  CHECK(waiting.bytes() == 6);
  CHECK(waiting.has(3));
  CHECK_FALSE(waiting.has(0));
  CHECK_FALSE(waiting.remove(0));
  CHECK_FALSE(waiting.remove(8));
  CHECK(waiting.remove(7));
  CHECK_FALSE(waiting.has(7));
  CHECK(waiting.front().value.encoded == "d");
  CHECK(waiting.pop().token == 0);
  CHECK(waiting.pop().token == 3);
  CHECK(waiting.empty());
  CHECK(waiting.bytes() == 0);
}

TEST_CASE("a call is cancelled at the same cost with a hundred thousand others that wait") {
  saga_call_queue waiting;
  const double began = seconds_used();
  for (std::uint64_t i = 1; i <= many; ++i) waiting.push(call_with(i));
  for (std::uint64_t i = many; i > 0; --i) CHECK(waiting.remove(i));
  CHECK(waiting.empty());
  CHECK(seconds_used() - began < most_seconds);
}
