// SPDX-License-Identifier: MIT
// The machine's time for the building blocks of the runtime, beside the runtime's own versions, in one run: a
// queue's push and pop, a switch of stacks there and back, waking a sleeping thread and its answer. Prints
// `floor_NAME OURS ns MACHINES`.
// rooms: runtime
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <boost/context/detail/fcontext.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <future>
#include <thread>
#include <vector>

#include "runtime/scheduling/fiber_switch.hpp"
#include "runtime/structures/lifo.hpp"
#include "runtime/system.hpp"

namespace {

using namespace coppice;
namespace context = boost::context::detail;

template <class Work>
double nanoseconds_each(std::uint64_t times, Work work) {
  const auto began = std::chrono::steady_clock::now();
  work(times);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - began;
  return took.count() / static_cast<double>(times);
}

void print(const char* name, double ours, double floor) {
  std::printf("%s %.2f ns %.2f\n", name, ours, floor);
}

struct node {
  node* next = nullptr;
};

void queue_push_pop() {
  runtime::lifo<node> queue(true);
  node one;
  const double ours = nanoseconds_each(20'000'000, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      queue.push(&one);
      if (queue.take_all() != &one) std::abort();
    }
  });
  std::atomic<node*> head{nullptr}; // one compare-and-swap to push, one exchange to pop
  const double floor = nanoseconds_each(20'000'000, [&](std::uint64_t times) {
    for (; times != 0; --times) {
      node* seen = nullptr;
      head.compare_exchange_strong(seen, &one, std::memory_order_release, std::memory_order_relaxed);
      if (head.exchange(nullptr, std::memory_order_acquire) != &one) std::abort();
    }
  });
  print("floor_queue_push_pop", ours, floor);
}

void echo_context(context::transfer_t from) {
  for (;;) from = context::jump_fcontext(from.fctx, nullptr);
}

struct two_stacks {
  std::unique_ptr<runtime::fiber> home = runtime::fiber::of_thread();
  std::unique_ptr<runtime::fiber> other;
};
void bounce(void* argument) {
  auto& both = *static_cast<two_stacks*>(argument);
  for (;;) both.other->switch_to(*both.home);
}

void stack_switch() {
  two_stacks both;
  both.other = std::move(runtime::fiber::make(64 * 1024, &bounce, &both)).value();
  const double ours = nanoseconds_each(20'000'000, [&](std::uint64_t times) {
    for (; times != 0; --times) both.home->switch_to(*both.other);
  });
  std::vector<std::byte> stack(64 * 1024);
  context::fcontext_t there =
      context::make_fcontext(stack.data() + stack.size(), stack.size(), &echo_context);
  const double floor = nanoseconds_each(20'000'000, [&](std::uint64_t times) {
    for (; times != 0; --times) there = context::jump_fcontext(there, nullptr).fctx;
  });
  print("floor_stack_switch", ours, floor);
}

void futex(std::atomic<std::uint32_t>& at, int what, std::uint32_t value) {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&at), what, value, nullptr, nullptr, 0);
}

double futex_round_trips(std::uint64_t times) {
  std::atomic<std::uint32_t> turn{0};
  const auto play = [&](std::uint32_t mine, std::uint64_t rounds) {
    for (; rounds != 0; --rounds) {
      while (turn.load() != mine) futex(turn, FUTEX_WAIT_PRIVATE, 1 - mine);
      turn.store(1 - mine);
      futex(turn, FUTEX_WAKE_PRIVATE, 1);
    }
  };
  std::thread other(play, 1U, times);
  const double each = nanoseconds_each(times, [&](std::uint64_t rounds) { play(0, rounds); });
  other.join();
  return each;
}

// A task is posted to a sleeping worker, which answers this sleeping thread.
void wake_up() {
  constexpr std::uint64_t times = 20'000;
  runtime::system host({.workers = 1});
  if (!host.start()) std::abort();
  std::atomic<std::uint32_t> answered{0};
  const double ours = nanoseconds_each(times, [&](std::uint64_t rounds) {
    for (; rounds != 0; --rounds) {
      const std::uint32_t before = answered.load();
      host.post(0, [&] {
        answered.fetch_add(1);
        futex(answered, FUTEX_WAKE_PRIVATE, 1);
      });
      while (answered.load() == before) futex(answered, FUTEX_WAIT_PRIVATE, before);
    }
  });
  print("floor_wake_up", ours, futex_round_trips(times));
  host.stop();
}

} // namespace

int main() {
  queue_push_pop();
  stack_switch();
  wake_up();
  return 0;
}
