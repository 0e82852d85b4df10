// SPDX-License-Identifier: MIT
// The model checker itself: it runs as many schedules as there are, finds known faults, and reports no
// others.
#include "runtime/structures/interleavings.hpp"

#include <doctest/doctest.h>

using namespace coppice::runtime::testing;

namespace {

// Each of `Threads` threads writes `Writes` times, all to one word or each to its own.
template <int Threads, int Writes, bool Shared>
class writers {
 public:
  explicit writers(run& all) {
    for (std::size_t i = 0; i < Threads; ++i)
      all.thread("writer", [this, i] {
        for (int n = 0; n < Writes; ++n) words_[Shared ? 0 : i].fetch_add(1);
      });
  }
  void end() const {
    int sum = 0;
    for (const watched<int>& one : words_) sum += one.load();
    expect(sum == Threads * Writes, "an addition is lost");
  }

 private:
  watched<int> words_[Threads]{};
};

class lost_update {
 public:
  explicit lost_update(run& all) {
    for (const char* name : {"one", "two"}) all.thread(name, [this] { word_.store(word_.load() + 1); });
  }
  void end() const { expect(word_.load() == 2, "an addition is lost"); }

 private:
  watched<int> word_{0};
};

// Each thread sets its flag, then reads the other's.
template <std::memory_order Order, bool Barrier = false>
class dekker {
 public:
  explicit dekker(run& all) {
    for (std::size_t i = 0; i < 2; ++i)
      all.thread(i == 0 ? "one" : "two", [this, i] {
        there_[i].store(true, Order);
        if (Barrier && i == 0) fence_everywhere();
        saw_[i] = there_[1 - i].load();
      });
  }
  void end() const { expect(saw_[0] || saw_[1], "neither sees the other"); }

 private:
  watched<bool> there_[2]{};
  bool saw_[2]{};
};

// Two locks that two threads take in the same order, or in opposite ones.
template <bool InOneOrder>
class two_locks {
 public:
  explicit two_locks(run& all) {
    for (std::size_t i = 0; i < 2; ++i)
      all.thread(i == 0 ? "one" : "two", [this, i] {
        const std::size_t first = InOneOrder ? 0 : i;
        locks_[first].lock();
        locks_[1 - first].lock();
        ++inside_;
        locks_[1 - first].unlock();
        locks_[first].unlock();
      });
  }
  void end() const { expect(inside_ == 2, "one was not there"); }

 private:
  watched_mutex locks_[2];
  int inside_ = 0;
};

// A loop that waits for a flag. Another thread sets it, and the store is delayed in its buffer.
template <bool Ends>
class spinning {
 public:
  explicit spinning(run& all) {
    all.thread("waits", [this] {
      while (!flag_.load(std::memory_order_acquire)) watched_atomics::pause();
    });
    all.thread("ends it", [this] { (Ends ? flag_ : other_).store(true, std::memory_order_release); });
  }
  void end() const {}

 private:
  watched<bool> flag_{false};
  watched<bool> other_{false};
};

template <class Scenario>
void must(bool hold, const exploration& how, std::uint64_t schedules = 0) {
  const verdict found = in_every_interleaving<Scenario>(how);
  CHECK_MESSAGE(found.holds() == hold, found.failure);
  CHECK(found.fails() != hold);
  if (schedules != 0) CHECK(found.schedules == schedules);
}

} // namespace

TEST_CASE("schedules that differ in the order of dependent operations are all run, others once") {
  must<writers<2, 1, true>>(true, {}, 2);
  must<writers<2, 3, true>>(true, {}, 20); // 6 over 3
  must<writers<3, 2, true>>(true, {}, 90); // 6! / (2! 2! 2!)
  must<writers<3, 2, false>>(true, {}, 1);
}

TEST_CASE("with a bound on preemptions, all schedules within it are run") {
  must<writers<2, 3, true>>(true, {.preemptions = 0}, 2);
  // One after the other, or one interrupted after one or two writes.
  must<writers<2, 3, true>>(true, {.preemptions = 1}, 6);
  must<writers<2, 3, true>>(true, {.preemptions = 9}, 20);
}

TEST_CASE("an update that is lost is found") {
  must<lost_update>(false, {});
  must<lost_update>(true, {.preemptions = 0});
  must<lost_update>(false, {.preemptions = 1});
}

TEST_CASE("a store waits in its thread's buffer if it may, until a barrier") {
  must<dekker<std::memory_order_release>>(true, {});
  must<dekker<std::memory_order_release>>(false, {.store_buffers = true});
  must<dekker<std::memory_order_seq_cst>>(true, {.store_buffers = true});
  must<dekker<std::memory_order_release, true>>(true, {.store_buffers = true});
}

TEST_CASE("a deadlock is found") {
  must<two_locks<true>>(true, {});
  must<two_locks<false>>(false, {});
}

TEST_CASE("who spins waits until others have written, and is stuck if none will") {
  must<spinning<true>>(true, {.store_buffers = true});
  must<spinning<false>>(false, {.store_buffers = true});
}
