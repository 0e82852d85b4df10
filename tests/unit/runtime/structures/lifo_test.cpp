// SPDX-License-Identifier: MIT
// The queue that inboxes are made of: two producers and a consumer that goes to sleep, in every interleaving
// and with real threads.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "runtime/structures/interleavings.hpp"
#include "runtime/structures/lifo.hpp"

using coppice::runtime::lifo;
using namespace coppice::runtime::testing;

namespace {

struct element {
  element* next = nullptr;
  unsigned producer = 0;
  unsigned number = 0;
};

// Two producers push two nodes each. The consumer sleeps, is woken, takes all, and tries to go idle.
template <class Atomics>
class two_producers {
 public:
  explicit two_producers(run& all) {
    for (unsigned p = 0; p < 2; ++p) {
      all.thread("producer " + std::to_string(p), [this, p] {
        for (element& one : nodes_[p]) {
          if (!queue_.push(&one)) continue;
          expect(wakes_.fetch_add(1) == 0, "woken twice");
        }
      });
    }
    all.thread("consumer", [this] { consume(); });
    for (unsigned p = 0; p < 2; ++p)
      for (unsigned i = 0; i < 2; ++i) {
        nodes_[p][i].producer = p;
        nodes_[p][i].number = i;
      }
  }
  void end() const {
    expect(taken_ == 4, "an element is lost");
    expect(queue_.idle(), "the consumer sleeps and nobody will wake it");
  }

 private:
  void consume() {
    while (wakes_.rest_while(0)) {
      wakes_.fetch_sub(1);
      do {
        take(queue_.take_all());
      } while (!queue_.try_idle());
    }
  }
  void take(const element* first) {
    for (; first != nullptr; first = first->next) {
      expect(taken_ < 4 && first->number == next_[first->producer]++, "out of order");
      ++taken_;
    }
  }

  std::array<std::array<element, 2>, 2> nodes_;
  lifo<element, &element::next, Atomics> queue_;
  watched<int> wakes_{0};
  std::array<unsigned, 2> next_{};
  unsigned taken_ = 0;
};

// Faults of the queue's atomic word that a test can plant.
enum class fault : std::uint8_t {
  push_without_cas,  // push() loads, then stores
  take_in_two_steps, // take_all() loads, then stores
  idle_by_storing,   // try_idle() stores, even if something was pushed meanwhile
  idle_said_early,   // the consumer ignores that its CAS failed, and takes itself for idle
};

template <fault Which>
struct faulty_atomics : watched_atomics {
  template <class T>
  class atomic : public watched<T> {
   public:
    using watched<T>::watched;
    T exchange(T to, std::memory_order order) {
      if (Which != fault::take_in_two_steps) return watched<T>::exchange(to, order);
      const T seen = this->load();
      this->store(to);
      return seen;
    }
    bool compare_exchange_weak(T& seen, T to, std::memory_order = {}, std::memory_order = {}) {
      if (Which != fault::push_without_cas) return watched<T>::compare_exchange_strong(seen, to);
      if (const T now = this->load(); now != seen) return seen = now, false;
      this->store(to);
      return true;
    }
    bool compare_exchange_strong(T& seen, T to, std::memory_order = {}, std::memory_order = {}) {
      if (Which == fault::idle_said_early) return watched<T>::compare_exchange_strong(seen, to), true;
      if (Which != fault::idle_by_storing) return watched<T>::compare_exchange_strong(seen, to);
      this->store(to);
      return true;
    }
  };
};

} // namespace

TEST_CASE("in every interleaving the consumer is woken once, takes all, and keeps each producer's order") {
  const verdict found = in_every_interleaving<two_producers<watched_atomics>>({.most = affordable});
  MESSAGE(found.schedules, " schedules");
  CHECK_MESSAGE(found.holds(), found.failure);
  CHECK(found.schedules > 10'000);
}

TEST_CASE_TEMPLATE_DEFINE("each step of the queue is needed", Atomics, queue_faults) {
  const verdict found = in_every_interleaving<two_producers<Atomics>>();
  CHECK(found.fails());
}
TEST_CASE_TEMPLATE_INVOKE(queue_faults, faulty_atomics<fault::push_without_cas>,
                          faulty_atomics<fault::take_in_two_steps>, faulty_atomics<fault::idle_by_storing>,
                          faulty_atomics<fault::idle_said_early>);

TEST_CASE("exactly the push into an idle queue says that the consumer must run") {
  lifo<element> queue;
  element first, second;
  CHECK(queue.push(&first));
  CHECK_FALSE(queue.push(&second));
  element* got = queue.take_all();
  REQUIRE(got == &first);
  CHECK(got->next == &second);
  CHECK(queue.empty());
  CHECK_FALSE(queue.wake());
  CHECK(queue.try_idle());
  CHECK(queue.wake());
}

TEST_CASE("a queue that got something does not go idle") {
  lifo<element> queue(true);
  element one;
  CHECK_FALSE(queue.push(&one));
  CHECK_FALSE(queue.try_idle());
  CHECK(queue.take_all() == &one);
  CHECK(queue.try_idle());
}

TEST_CASE("nothing is lost or reordered between threads") {
  constexpr unsigned producers = 3;
  constexpr unsigned each = 20000;
  std::vector<std::vector<element>> nodes(producers, std::vector<element>(each));
  lifo<element> queue;
  std::atomic<int> wakes{0};
  std::vector<std::thread> threads;
  for (unsigned p = 0; p < producers; ++p) {
    threads.emplace_back([&, p] {
      for (unsigned i = 0; i < each; ++i) {
        nodes[p][i].producer = p;
        nodes[p][i].number = i;
        if (!queue.push(&nodes[p][i])) continue;
        wakes.fetch_add(1);
        wakes.notify_one();
      }
    });
  }
  std::array<unsigned, producers> next{};
  bool ordered = true;
  unsigned total = 0;
  while (total < producers * each) {
    wakes.wait(0);
    wakes.fetch_sub(1);
    do {
      for (element* n = queue.take_all(); n != nullptr; n = n->next) {
        ordered = ordered && n->number == next[n->producer]++;
        ++total;
      }
    } while (!queue.try_idle());
  }
  for (auto& one : threads) one.join();
  CHECK(ordered);
  CHECK(wakes.load() == 0);
}
