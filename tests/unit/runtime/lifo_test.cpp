// SPDX-License-Identifier: MIT
// The queue of queues: every interleaving of two producers and a consumer that goes to sleep, as a model
// whose steps are the atomic operations of lifo.hpp; and the real one under threads.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "runtime/lifo.hpp"

using coppice::runtime::lifo;

namespace {

struct node {
  node* next = nullptr;
  unsigned producer = 0;
  unsigned number = 0;
};

// The model: head is 0 = idle, 1 = open, 2 + n = a list of nodes, kept as digits. Each producer pushes two
// nodes: load the head, CAS. The consumer: take all, then try to idle; idle means waiting for a wake-up.
struct model {
  std::vector<int> list;           // newest last
  bool idle = true;                // meaningful when the list is empty
  std::array<int, 2> pushed{};     // nodes pushed by each producer
  std::array<int, 2> seen{-1, -1}; // what a producer loaded: -1 nothing, else version
  int version = 0;                 // changes with every successful change of the head
  int wakes = 0;                   // wake-ups on their way
  bool awake = false;
  std::vector<int> taken;

  auto operator<=>(const model&) const = default;
};

void explore(const model& now, std::set<model>& visited, bool& stuck, bool& disorder) {
  if (!visited.insert(now).second) return;
  bool moved = false;
  const auto go = [&](const model& next) {
    moved = true;
    explore(next, visited, stuck, disorder);
  };
  for (std::size_t producer = 0; producer < 2; ++producer) {
    if (now.pushed[producer] == 2) continue;
    model next = now;
    if (now.seen[producer] != now.version) { // load, or a failed CAS, which loads
      next.seen[producer] = now.version;
      go(next);
      continue;
    }
    const bool was_idle = now.list.empty() && now.idle;
    next.list.push_back(static_cast<int>(producer) * 2 + now.pushed[producer]);
    next.idle = false;
    ++next.pushed[producer];
    next.seen[producer] = -1;
    ++next.version;
    if (was_idle) ++next.wakes;
    go(next);
  }
  if (now.awake) {
    model next = now;
    if (!now.list.empty()) { // exchange
      next.taken.insert(next.taken.end(), now.list.begin(), now.list.end());
      next.list.clear();
      next.idle = false;
      ++next.version;
      go(next);
    } else { // CAS open to idle
      next.idle = true;
      next.awake = false;
      ++next.version;
      go(next);
    }
  } else if (now.wakes > 0) {
    model next = now;
    --next.wakes;
    next.awake = true;
    next.idle = false; // the first exchange opens the queue
    next.taken.insert(next.taken.end(), now.list.begin(), now.list.end());
    next.list.clear();
    ++next.version;
    go(next);
  }
  if (moved) return;
  stuck = stuck || now.taken.size() != 4;
  for (int producer = 0; producer < 2; ++producer) {
    int last = -1;
    for (const int value : now.taken) {
      if (value / 2 != producer) continue;
      disorder = disorder || value <= last;
      last = value;
    }
  }
}

} // namespace

TEST_CASE("in every interleaving the consumer is woken, takes all, and keeps each producer's order") {
  std::set<model> visited;
  bool stuck = false;
  bool disorder = false;
  explore(model{}, visited, stuck, disorder);
  CHECK(visited.size() > 100);
  CHECK_FALSE(stuck);
  CHECK_FALSE(disorder);
}

TEST_CASE("exactly the push into an idle queue says that the consumer must run") {
  lifo<node> queue;
  node first, second;
  CHECK(queue.push(&first));
  CHECK_FALSE(queue.push(&second));
  node* got = queue.take_all();
  REQUIRE(got == &first);
  CHECK(got->next == &second);
  CHECK(queue.empty());
  CHECK_FALSE(queue.wake());
  CHECK(queue.try_idle());
  CHECK(queue.wake());
}

TEST_CASE("a queue that got something does not go idle") {
  lifo<node> queue(true);
  node one;
  CHECK_FALSE(queue.push(&one));
  CHECK_FALSE(queue.try_idle());
  CHECK(queue.take_all() == &one);
  CHECK(queue.try_idle());
}

TEST_CASE("nothing is lost or reordered between threads") {
  constexpr unsigned producers = 3;
  constexpr unsigned each = 20000;
  std::vector<std::vector<node>> nodes(producers, std::vector<node>(each));
  lifo<node> queue;
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  for (unsigned p = 0; p < producers; ++p) {
    threads.emplace_back([&, p] {
      for (unsigned i = 0; i < each; ++i) {
        nodes[p][i].producer = p;
        nodes[p][i].number = i;
        if (queue.push(&nodes[p][i])) wakes.fetch_add(1);
      }
    });
  }
  std::array<unsigned, producers> next{};
  bool ordered = true;
  unsigned total = 0;
  while (total < producers * each) {
    if (wakes.load() == 0) {
      std::this_thread::yield();
      continue;
    }
    wakes.fetch_sub(1);
    do {
      for (node* n = queue.take_all(); n != nullptr; n = n->next) {
        ordered = ordered && n->number == next[n->producer]++;
        ++total;
      }
    } while (!queue.try_idle());
  }
  for (auto& one : threads) one.join();
  CHECK(ordered);
  CHECK(wakes.load() == 0);
}
