// SPDX-License-Identifier: MIT
// Reclamation in every interleaving, with store buffers, of a worker that reads, foreign threads under guards
// and a worker that retires: nothing is freed while a thread may hold it, and everything is freed in the end.
#include "runtime/structures/reclaim.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/structures/interleavings.hpp"

using namespace coppice::runtime;
using namespace coppice::runtime::testing;

namespace {

// Mistakes in the use of the reclaimer.
enum class misuse : std::uint8_t {
  none,
  ticket_before_unlinking,
  look_before_online,
  quiescent_in_between,
  freed_at_once,
};

constexpr std::size_t one_guard = 1; // guards at the same time

// Objects are published in slots. The retirer unlinks and frees them while worker 0 and foreign threads look
// at them.
template <class Atomics, std::size_t Objects, std::size_t Guards, bool Worker = true,
          misuse Wrong = misuse::none>
class readers_and_retirer {
 public:
  explicit readers_and_retirer(run& all) {
    for (auto& one : slots_) one.store(true);
    if (Worker) all.thread("worker", [this] { read(); });
    for (std::size_t i = 0; i < Guards; ++i)
      all.thread("foreign " + std::to_string(i), [this] {
        const guard valid(domain_);
        look(0);
      });
    all.thread("retirer", [this] { retire(); });
  }
  void end() const {
    for (const auto& one : freed_) expect(one.load(), "an object is never freed");
  }

 private:
  using reclaimer = basic_reclaimer<Atomics, one_guard>;
  using guard = typename reclaimer::guard;

  void look(std::size_t at) {
    if (!slots_[at].load(std::memory_order_seq_cst)) return;
    expect(!freed_[at].load(), "freed while somebody holds it");
  }
  void read() {
    if (Wrong == misuse::look_before_online || Wrong == misuse::quiescent_in_between) {
      if (Wrong == misuse::quiescent_in_between) domain_.online(0);
      const bool found = slots_[0].load();
      Wrong == misuse::look_before_online ? domain_.online(0) : domain_.quiescent(0);
      expect(!found || !freed_[0].load(), "freed while somebody holds it");
      return domain_.offline(0);
    }
    domain_.online(0);
    for (std::size_t i = 0; i < Objects; ++i) {
      look(i);
      domain_.quiescent(0);
    }
    look(0);
    domain_.offline(0);
  }
  void retire() {
    for (std::size_t i = 0; i < Objects; ++i) {
      std::uint64_t ticket = Wrong == misuse::ticket_before_unlinking ? domain_.ticket() : 0;
      slots_[i].store(false, std::memory_order_seq_cst);
      if (ticket == 0) ticket = domain_.ticket();
      while (Wrong != misuse::freed_at_once && domain_.safe_until() < ticket) Atomics::pause();
      freed_[i].store(true);
    }
  }

  reclaimer domain_{1};
  std::array<watched<bool>, Objects> slots_;
  std::array<watched<bool>, Objects> freed_;
};

// Faults of the reclaimer's atomic words that a test can plant.
enum class fault : std::uint8_t {
  online_without_fence, // the store to the cell is only a release
  shared_guard,         // a guard takes a cell that another guard has
};

template <fault Which>
struct faulty_atomics : watched_atomics {
  template <class T>
  class atomic : public watched<T> {
   public:
    using watched<T>::watched;
    void store(T to, std::memory_order order) {
      watched<T>::store(to, Which == fault::online_without_fence ? std::memory_order_release : order);
    }
    bool compare_exchange_strong(T& seen, T to, std::memory_order, std::memory_order) {
      if (Which != fault::shared_guard) return watched<T>::compare_exchange_strong(seen, to);
      this->store(to, std::memory_order_seq_cst);
      return true;
    }
  };
};

constexpr exploration buffered{.store_buffers = true};

template <class Scenario>
void must_hold() {
  const verdict found = in_every_interleaving<Scenario>({.store_buffers = true, .most = affordable});
  MESSAGE(found.schedules, " schedules");
  CHECK_MESSAGE(found.holds(), found.failure);
  CHECK(found.schedules > 100);
}

template <class Scenario>
bool fails() {
  return in_every_interleaving<Scenario>(buffered).fails();
}

} // namespace

TEST_CASE(
    "in every interleaving nothing is freed while a worker or a guard may hold it, and all in the end") {
  must_hold<readers_and_retirer<watched_atomics, 1, 1>>();
  must_hold<readers_and_retirer<watched_atomics, 2, 0>>();
}

TEST_CASE("in every interleaving of more guards than there are cells, they wait for each other") {
  must_hold<readers_and_retirer<watched_atomics, 1, 2, false>>();
}

TEST_CASE("each step of reclamation is needed") {
  CHECK(fails<readers_and_retirer<faulty_atomics<fault::online_without_fence>, 1, 0>>());
  CHECK(fails<readers_and_retirer<faulty_atomics<fault::shared_guard>, 1, 2, false>>());
}

TEST_CASE("each rule for those who use it is needed") {
  CHECK(fails<readers_and_retirer<watched_atomics, 1, 0, true, misuse::ticket_before_unlinking>>());
  CHECK(fails<readers_and_retirer<watched_atomics, 1, 0, true, misuse::look_before_online>>());
  CHECK(fails<readers_and_retirer<watched_atomics, 1, 0, true, misuse::quiescent_in_between>>());
  CHECK(fails<readers_and_retirer<watched_atomics, 1, 0, true, misuse::freed_at_once>>());
}

TEST_CASE("between threads, what is found is whole until it is let go of") {
  constexpr std::uint64_t objects = 20'000;
  basic_reclaimer<> domain(2);
  std::atomic<const std::uint64_t*> slot{nullptr};
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> broken{0};
  const auto look = [&] {
    const std::uint64_t* found = slot.load(std::memory_order_seq_cst);
    if (found != nullptr && *found > objects) broken.fetch_add(1);
  };
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    domain.online(0);
    for (; !done; domain.quiescent(0)) look();
    domain.offline(0);
  });
  threads.emplace_back([&] {
    while (!done) {
      const basic_reclaimer<>::guard valid(domain);
      look();
    }
  });
  std::vector<std::pair<std::uint64_t, std::unique_ptr<std::uint64_t>>> retired;
  for (std::uint64_t i = 0; i < objects; ++i) {
    auto object = std::make_unique<std::uint64_t>(i);
    slot.store(object.get(), std::memory_order_seq_cst);
    slot.store(nullptr, std::memory_order_seq_cst);
    retired.emplace_back(domain.ticket(), std::move(object));
    const std::uint64_t safe = domain.safe_until();
    std::erase_if(retired, [&](auto& one) {
      if (one.first > safe) return false;
      *one.second = UINT64_MAX;
      return true;
    });
  }
  done = true;
  for (std::thread& one : threads) one.join();
  CHECK(broken == 0);
  CHECK(domain.safe_until() >= objects);
}
