// SPDX-License-Identifier: MIT
// Tests of a pool's decisions, step by step, and at random against a simple model.
#include "behaviours/pool/pool_dispatcher.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "runtime/process.hpp"
#include "terms.hpp"

using namespace coppice;
using namespace coppice::behaviours;

namespace {

constexpr base::nanos second = base::nanos_per_second;

runtime::pid pid(std::uint32_t id) {
  return {0, 4, id, 0};
}

pool_request request(std::uint64_t hash = 0) {
  pool_request out;
  out.hash = hash;
  return out;
}

// Drives a dispatcher: hands out every request that can be handed out, numbered from 1 in the order of
// given().
struct driven {
  explicit driven(pool_spec options, std::uint32_t size) : of(options, size) {
    for (std::uint32_t worker = 0; worker < size; ++worker) of.worker_up(worker, pid(worker + 1), 0);
  }
  // Returns the workers that got a request, in order, as "0 1 1".
  std::string give(base::nanos now = 0) {
    std::string out;
    while (auto next = of.next()) {
      out += (out.empty() ? "" : " ") + std::to_string(next->worker);
      of.given(next->worker, ++numbers, std::move(next->request), now);
    }
    return out;
  }
  std::string add_and_give(int count, std::uint64_t hash = 0) {
    std::string out;
    for (int i = 0; i < count; ++i) {
      CHECK_FALSE(of.add(request(hash), 0));
      const std::string who = give();
      out += (out.empty() || who.empty() ? "" : " ") + who;
    }
    return out;
  }
  pool_dispatcher of;
  std::uint64_t numbers = 0;
};

} // namespace

TEST_CASE("least_loaded: who holds the fewest, and among those who had something last") {
  pool_spec options;
  options.in_flight = 2;
  driven pool(options, 3);
  CHECK(pool.add_and_give(4) == "2 1 0 0");
  CHECK(pool.of.ended(2, false, 0)->worker == 1); // worker 1 holds none, worker 2 one, worker 0 two
  CHECK(pool.add_and_give(3) == "1 1 2");
  CHECK(pool.add_and_give(1).empty());
  CHECK(pool.of.queued() == 1);
  CHECK(pool.of.held() == 6);
  CHECK(pool.of.ended(1, false, 0)->runs);
  CHECK(pool.give() == "2");
}

TEST_CASE("round_robin: the next one in turn, but for those without room") {
  pool_spec options;
  options.dispatch = pool_dispatch::round_robin;
  driven pool(options, 3);
  CHECK(pool.add_and_give(2) == "0 1");
  CHECK(pool.of.ended(1, false, 0));
  CHECK(pool.add_and_give(2) == "2 0");
  CHECK(pool.add_and_give(1).empty());
}

TEST_CASE("hash: one key, one worker, in order; a worker that is down keeps its keys") {
  pool_spec options;
  options.dispatch = pool_dispatch::hash;
  driven pool(options, 4);
  std::map<std::uint64_t, std::string> worker_of;
  for (std::uint64_t key = 0; key < 40; ++key) {
    driven fresh(options, 4);
    worker_of[key] = fresh.add_and_give(1, key * 0x9E3779B97F4A7C15U);
  }
  std::set<std::string> used;
  for (const auto& [key, worker] : worker_of) used.insert(worker);
  CHECK(used.size() == 4);

  const std::string its = pool.add_and_give(1, 7);
  CHECK(pool.add_and_give(2, 7).empty()); // its worker is busy, and no other worker gets them
  const auto worker = static_cast<std::uint32_t>(std::stoul(its));
  pool.of.worker_down(worker, 0);
  CHECK_FALSE(pool.of.ended(1, true, 0)->runs);
  CHECK(pool.give().empty());
  pool.of.worker_up(worker, pid(77), 0);
  CHECK(pool.give() == its);
}

TEST_CASE("another size moves few keys, and none before what was held under the old one is done") {
  pool_spec options;
  options.dispatch = pool_dispatch::hash;
  options.queue_limit = 100'000;
  driven pool(options, 8);
  std::vector<std::uint64_t> keys;
  for (std::uint64_t i = 0; i < 2000; ++i) keys.push_back(i * 0x9E3779B97F4A7C15U + 11);
  std::map<std::uint64_t, std::string> before, after;
  for (const std::uint64_t key : keys) {
    before[key] = pool.add_and_give(1, key);
    if (before[key].empty()) continue;
    CHECK(pool.of.ended(pool.numbers, false, 0));
  }
  CHECK(pool.add_and_give(1, keys[0]) == before[keys[0]]);
  const std::uint64_t held = pool.numbers;
  pool.of.resize(9);
  pool.of.worker_up(8, pid(9), 0);
  CHECK(pool.add_and_give(1, keys[1]).empty());
  CHECK(pool.of.ended(held, false, 0));
  CHECK_FALSE(pool.give().empty());
  CHECK(pool.of.ended(pool.numbers, false, 0));
  int moved = 0;
  for (const std::uint64_t key : keys) {
    const std::string now = pool.add_and_give(1, key);
    CHECK(pool.of.ended(pool.numbers, false, 0));
    if (now == before[key]) continue;
    CHECK(now == "8");
    ++moved;
  }
  CHECK(moved > 2000 / 9 / 2);
  CHECK(moved < 2000 / 9 * 2);
}

TEST_CASE("broadcast: each gets its own, when it has room") {
  pool_spec options;
  options.dispatch = pool_dispatch::broadcast;
  options.queue_limit = 6;
  driven pool(options, 3);
  CHECK(pool.add_and_give(2) == "0 1 2");
  CHECK(pool.of.queued() == 3);
  CHECK(pool.of.add(request(), 0) == std::nullopt);
  CHECK(pool.of.add(request(), 0).has_value()); // no room for three more
  CHECK(pool.of.ended(2, false, 0));
  CHECK(pool.give() == "1");
}

TEST_CASE("a full queue refuses what is new, or gives up what is oldest") {
  pool_spec options;
  options.queue_limit = 2;
  driven pool(options, 1);
  CHECK(pool.add_and_give(1) == "0");
  for (const std::uint64_t mark : {1U, 2U}) CHECK_FALSE(pool.of.add(request(mark), 0));
  CHECK(pool.of.add(request(3), 0)->hash == 3);
  options.on_full = pool_overload::drop_old;
  pool.of.set_options(options);
  CHECK(pool.of.add(request(4), 0)->hash == 1);
  CHECK(pool.of.queued() == 2);
  options.queue_limit = 0;
  pool.of.set_options(options);
  CHECK(pool.of.add(request(5), 0)->hash == 2);
}

TEST_CASE("who is free may have a request at once, unless another waits before it") {
  for (const auto dispatch : {pool_dispatch::least_loaded, pool_dispatch::round_robin, pool_dispatch::hash}) {
    CAPTURE(text(dispatch));
    pool_spec options;
    options.dispatch = dispatch;
    options.queue_limit = 0;
    driven pool(options, 1);
    CHECK(pool.of.free_worker(7) == 0);
    pool.of.given(0, ++pool.numbers, request(7), 0);
    CHECK(pool.of.free_worker(7) == std::nullopt);
    CHECK(pool.of.add(request(7), 0).has_value());
    CHECK(pool.of.ended(1, false, 0)->request.order == 1);
    options.queue_limit = 5;
    pool.of.set_options(options);
    CHECK_FALSE(pool.of.add(request(7), 0));
    CHECK(pool.of.free_worker(7) == std::nullopt);
    CHECK(pool.give() == "0");
  }
  pool_spec options;
  options.dispatch = pool_dispatch::broadcast;
  driven pool(options, 1);
  CHECK(pool.of.free_worker(0) == std::nullopt); // every worker gets the request
}

TEST_CASE("what waits for too long comes out, the oldest first") {
  pool_spec options;
  options.queue_wait = 2 * second;
  driven pool(options, 1);
  CHECK(pool.add_and_give(1) == "0");
  for (std::uint64_t i = 1; i <= 3; ++i)
    CHECK_FALSE(pool.of.add(request(i), static_cast<base::nanos>(i) * second));
  CHECK(pool.of.next_due() == 3 * second);
  CHECK(pool.of.expired(3 * second - 1).empty());
  const auto gone = pool.of.expired(4 * second);
  REQUIRE(gone.size() == 2);
  CHECK(gone[0].hash == 1);
  CHECK(gone[1].hash == 2);
  CHECK(pool.of.next_due() == 5 * second);
  options.queue_wait = runtime::no_deadline;
  pool.of.set_options(options);
  CHECK_FALSE(pool.of.add(request(), 9 * second));
  CHECK(pool.of.expired(1'000'000 * second).empty()); // requests that waited before have no limit either
  options.queue_wait = 2 * second;
  pool.of.set_options(options);
  CHECK(pool.of.next_due() == 5 * second);
  CHECK(pool.of.expired(9 * second).size() == 1); // the request added before, not the later one
}

TEST_CASE("what comes back stands where it stood") {
  driven pool(pool_spec(), 1);
  CHECK_FALSE(pool.of.add(request(1), 0));
  CHECK_FALSE(pool.of.add(request(2), 0));
  auto first = pool.of.next();
  pool.of.take_back(std::move(first->request), first->worker);
  CHECK(pool.of.next()->request.hash == 1);
  CHECK(pool.of.next()->request.hash == 2);
}

TEST_CASE("a request that is tried again waits from then on, whether it has waited before or not") {
  pool_spec options;
  options.queue_wait = 2 * second;
  driven pool(options, 1);
  CHECK(pool.add_and_give(1) == "0");
  auto lost = pool.of.ended(1, true, 100 * second);
  REQUIRE(lost);
  pool.of.worker_down(0, 100 * second);
  pool.of.retry(std::move(lost->request), lost->worker, 100 * second);
  CHECK(pool.of.next_due() == 102 * second);
  CHECK(pool.of.expired(102 * second - 1).empty());
  const auto late = pool.of.expired(102 * second);
  REQUIRE(late.size() == 1);
  CHECK(late[0].tried);
}

TEST_CASE("a smaller size: those beyond finish what they hold, and are forgotten") {
  driven pool(pool_spec(), 3);
  CHECK(pool.add_and_give(3) == "2 1 0");
  pool.of.resize(1);
  CHECK(pool.of.known() == 3);
  CHECK_FALSE(pool.of.drained(2));
  CHECK_FALSE(pool.of.add(request(), 0));
  CHECK(pool.of.ended(1, false, 0));
  CHECK(pool.give().empty());
  CHECK(pool.of.drained(2));
  pool.of.forget_last();
  pool.of.worker_down(1, 0); // its worker was killed
  CHECK_FALSE(pool.of.drained(1));
  CHECK(pool.of.ended(2, true, 0)->request.order == 2);
  pool.of.forget_last();
  CHECK(pool.of.known() == 1);
  CHECK(pool.of.ended(3, false, 0));
  CHECK(pool.give() == "0");
}

TEST_CASE("rows count what was handled and lost, and for how long something was held") {
  driven pool(pool_spec(), 1);
  CHECK_FALSE(pool.of.add(request(), 0));
  CHECK(pool.give(1 * second) == "0");
  CHECK(pool.of.row(0, 3 * second).busy == 2 * second);
  CHECK(pool.of.ended(1, false, 4 * second));
  CHECK_FALSE(pool.of.add(request(), 0));
  CHECK(pool.give(5 * second) == "0");
  pool.of.worker_down(0, 6 * second);
  CHECK(pool.of.ended(2, true, 6 * second));
  CHECK_FALSE(pool.of.ended(2, true, 6 * second));
  const pool_worker_row row = pool.of.row(0, 9 * second);
  CHECK(row.busy == 4 * second);
  CHECK(row.handled == 1);
  CHECK(row.lost == 1);
  CHECK_FALSE(row.pid);
}

TEST_CASE("who was chosen gets it, and what waits for him and for any goes in the order in which it came") {
  for (const pool_dispatch dispatch :
       {pool_dispatch::least_loaded, pool_dispatch::round_robin, pool_dispatch::hash}) {
    CAPTURE(text(dispatch));
    pool_spec options;
    options.dispatch = dispatch;
    driven pool(options, 3);
    const auto for_one = [](std::uint32_t worker) {
      pool_request out = request(7);
      out.only = worker;
      return out;
    };
    CHECK(pool.of.free_worker(0, 1) == 1);
    for (int i = 0; i < 2; ++i) CHECK_FALSE(pool.of.add(for_one(1), 0));
    CHECK(pool.give() == "1");
    CHECK(pool.of.queued() == 1);
    CHECK(pool.of.free_worker(0, 1) == std::nullopt);
    CHECK(pool.of.load(1) == 2);
    CHECK(pool.of.free_worker(0, 2) == 2);
    CHECK(pool.of.ended(1, false, 0));
    CHECK(pool.give() == "1");
    pool.of.worker_down(1, 0);
    CHECK_FALSE(pool.of.add(for_one(1), 0)); // until worker 1 runs again
    CHECK(pool.give().empty());
    pool.of.worker_up(1, pid(9), 0);
    CHECK(pool.give() == "1");
    CHECK_FALSE(pool.of.add(for_one(2), 0));
    pool.of.resize(2); // a request for a removed worker may go to any worker
    CHECK(pool.of.queued() == 1);
    CHECK_FALSE(pool.of.add(for_one(77), 0)); // no worker has this number
    while (pool.of.held() != 0) CHECK(pool.of.ended(pool.numbers - pool.of.held() + 1, false, 0));
    pool.give();
    while (pool.of.held() != 0) CHECK(pool.of.ended(pool.numbers - pool.of.held() + 1, false, 0));
    pool.give();
    CHECK(pool.of.queued() == 0);
  }
}

TEST_CASE("what waits for one worker and what for any takes turns by age, and late ones come out") {
  pool_spec options;
  options.queue_wait = 10;
  driven pool(options, 1);
  pool_request own = request();
  own.only = 0;
  CHECK(pool.add_and_give(1) == "0");
  CHECK_FALSE(pool.of.add(request(), 0));
  CHECK_FALSE(pool.of.add(own, 1));
  CHECK_FALSE(pool.of.add(request(), 2));
  CHECK(pool.of.next_due() == 10);
  CHECK(pool.of.queued_for_any() == 2);
  std::string order;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    CHECK(pool.of.ended(number, false, 0));
    const auto next = pool.of.next();
    REQUIRE(next);
    order += next->request.only == 0 ? "own " : "any ";
    pool.of.given(next->worker, number + 1, next->request, 0);
  }
  CHECK(order == "any own any ");
  CHECK_FALSE(pool.of.add(own, 5));
  CHECK(pool.of.next_due() == 15);
  CHECK(pool.of.expired(14).empty());
  CHECK(pool.of.expired(15).size() == 1);
  CHECK(pool.of.next_due() == 0);
}

TEST_CASE("it is known whether all run, and who has had nothing to do for how long") {
  driven pool({}, 2);
  CHECK(pool.of.all_run());
  CHECK(pool.of.idle(10, 9) == 0);
  CHECK(pool.of.idle(10, 10) == 2);
  CHECK(pool.add_and_give(1) == "1");
  CHECK(pool.of.idle(10, 30) == 1);
  CHECK(pool.of.ended(1, false, 30));
  CHECK(pool.of.idle(10, 39) == 1);
  CHECK(pool.of.idle(10, 40) == 2);
  pool.of.worker_down(0, 50);
  CHECK_FALSE(pool.of.all_run());
  CHECK(pool.of.idle(10, 90) == 1);
  pool.of.worker_up(0, pid(9), 90);
  CHECK(pool.of.all_run());
  CHECK(pool.of.idle(10, 95) == 1);
  pool.of.resize(3);
  CHECK_FALSE(pool.of.all_run());
  pool.of.resize(1); // workers that are being removed do not count
  CHECK(pool.of.all_run());
  CHECK(pool.of.idle(0, 100) == 1);
}

TEST_CASE("at random: nobody holds more than it may, nothing is lost or doubled, each key keeps its order") {
  std::mt19937 random(20240611); // a fixed seed
  const auto below = [&](std::uint32_t most) { return static_cast<std::uint32_t>(random() % most); };
  for (const auto dispatch : {pool_dispatch::least_loaded, pool_dispatch::round_robin, pool_dispatch::hash}) {
    CAPTURE(text(dispatch));
    pool_spec options;
    options.dispatch = dispatch;
    options.queue_limit = 50;
    pool_dispatcher pool(options, 4);
    struct taken {
      std::uint32_t worker;
      std::uint64_t order;
      std::uint64_t hash;
    };
    std::map<std::uint64_t, taken> flights;
    std::map<std::uint64_t, std::uint64_t> last; // by key: the order of the request begun last
    std::set<std::uint32_t> up;
    std::uint64_t numbers = 0, added = 0, refused = 0, done = 0;
    for (int step = 0; step < 20'000; ++step) {
      const std::uint32_t what = below(100);
      if (what < 45) {
        ++added;
        refused += pool.add(request(below(9) * 0x9E3779B97F4A7C15U), 0).has_value();
      } else if (what < 85 && !flights.empty()) {
        auto one = std::next(flights.begin(), below(static_cast<std::uint32_t>(flights.size())));
        const auto ended = pool.ended(one->first, false, 0);
        REQUIRE(ended);
        CHECK(ended->request.order == one->second.order);
        flights.erase(one);
        ++done;
      } else if (what < 93) {
        const std::uint32_t worker = below(pool.known());
        if (up.insert(worker).second) pool.worker_up(worker, pid(1000 + below(1000)), 0);
      } else if (what < 97 && !up.empty()) {
        const std::uint32_t worker = *std::next(up.begin(), below(static_cast<std::uint32_t>(up.size())));
        up.erase(worker);
        pool.worker_down(worker, 0);
        for (auto one = flights.begin(); one != flights.end();) {
          if (one->second.worker != worker) {
            ++one;
            continue;
          }
          auto ended = pool.ended(one->first, true, 0);
          REQUIRE(ended);
          CHECK_FALSE(ended->runs);
          last.erase(one->second.hash);
          pool.take_back(std::move(ended->request), worker);
          one = flights.erase(one);
        }
      } else if (pool.known() == pool.size()) {
        pool.resize(1 + below(8));
      }
      while (pool.known() > pool.size() && pool.drained(pool.known() - 1)) {
        up.erase(pool.known() - 1);
        pool.forget_last();
      }
      while (auto next = pool.next()) {
        CHECK(up.contains(next->worker));
        CHECK(next->worker < pool.size());
        for (const auto& [number, one] : flights) CHECK(one.worker != next->worker);
        if (dispatch == pool_dispatch::hash) {
          CHECK(last[next->request.hash] < next->request.order);
          last[next->request.hash] = next->request.order;
        }
        flights[++numbers] = {next->worker, next->request.order, next->request.hash};
        pool.given(next->worker, numbers, std::move(next->request), 0);
      }
      CHECK(added == refused + done + pool.queued() + flights.size());
      CHECK(pool.held() == flights.size());
    }
    CHECK(done > 1000);
  }
}
