// SPDX-License-Identifier: MIT
// The bounded pool of threads for work that blocks.
#include "runtime/scheduling/blocking_pool.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <future>

#include "runtime/actor.hpp"

namespace coppice::runtime::testing {

TEST_CASE("the pool takes what its threads and its queue have room for, and refuses the rest") {
  std::promise<void> open;
  const auto gate = open.get_future().share();
  std::promise<void> began;
  std::atomic<int> done{0};
  blocking_pool pool(1, 2);
  REQUIRE(pool.submit([&] {
    began.set_value();
    gate.wait();
    ++done;
  }));
  began.get_future().wait();
  const auto work = [&] { ++done; };
  CHECK(pool.submit(work));
  CHECK(pool.submit(work));
  const auto refused = pool.submit(work);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::limit);
  CHECK_FALSE(pool.idle());
  open.set_value();
  CHECK(eventually([&] { return pool.idle(); }));
  CHECK(done == 3);
  CHECK(pool.submit(work));
  CHECK(eventually([&] { return done == 4; }));
}

TEST_CASE("no more threads work at once than the pool has") {
  std::promise<void> open;
  const auto gate = open.get_future().share();
  std::atomic<int> at_once{0}, done{0};
  blocking_pool pool(3, 100);
  for (int i = 0; i < 20; ++i)
    REQUIRE(pool.submit([&] {
      ++at_once;
      gate.wait();
      --at_once;
      ++done;
    }));
  REQUIRE(eventually([&] { return at_once == 3; }));
  open.set_value();
  CHECK(eventually([&] { return done == 20; }));
}

TEST_CASE("after its stop the pool is closed, and what was queued is dropped") {
  blocking_pool pool(1, 10);
  pool.stop();
  const auto refused = pool.submit([] {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == base::errc::closed);
}

} // namespace coppice::runtime::testing
