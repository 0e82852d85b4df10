// SPDX-License-Identifier: MIT
// Striped counters and locks are as exact as single ones, whichever stripe each thread uses.
#include "base/stripes.hpp"

#include <doctest/doctest.h>

#include <mutex>
#include <set>
#include <thread>
#include <vector>

using namespace coppice;

namespace {

constexpr unsigned many = 2 * base::stripes + 1; // threads; more than there are stripes

template <class Does>
void on_many_threads(Does does) {
  std::vector<std::jthread> all;
  for (unsigned i = 0; i < many; ++i) all.emplace_back(does);
}

} // namespace

TEST_CASE("a thread has one stripe, and together they have all") {
  std::mutex lock;
  std::multiset<unsigned> seen;
  on_many_threads([&] {
    const unsigned mine = base::this_threads_stripe();
    CHECK(base::this_threads_stripe() == mine);
    const std::lock_guard guard(lock);
    seen.insert(mine);
  });
  CHECK(seen.size() == many);
  for (unsigned one = 0; one < base::stripes; ++one) CHECK(seen.count(one) >= many / base::stripes);
  CHECK(*seen.rbegin() < base::stripes);
}

TEST_CASE("what was added on any thread is in the sum") {
  constexpr unsigned each = 1000;
  base::striped_count count;
  CHECK(count.sum() == 0);
  on_many_threads([&] {
    for (unsigned i = 0; i < each; ++i) count.add();
  });
  CHECK(count.sum() == std::uint64_t{many} * each);
}

TEST_CASE("who changes is alone, and who reads is alone with a stripe") {
  constexpr unsigned each = 300;
  base::striped_lock lock;
  unsigned first = 0, second = 0; // always changed together
  std::array<unsigned, base::stripes> reads{};
  std::atomic<unsigned> torn{0};
  on_many_threads([&] {
    for (unsigned i = 0; i < each; ++i) {
      if (i % 10 == 0) {
        const std::lock_guard guard(lock);
        ++first;
        ++second;
      } else {
        const base::striped_lock::reading guard(lock);
        if (first != second) torn.fetch_add(1);
        ++reads[guard.stripe()];
      }
    }
  });
  CHECK(torn.load() == 0);
  CHECK(first == many * each / 10);
  unsigned all = 0;
  for (const unsigned one : reads) all += one;
  CHECK(all == many * each - first);
}
