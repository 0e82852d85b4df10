// SPDX-License-Identifier: MIT
// The policy of atomics.hpp for the simulated machine (tests/simulated), which compiles the runtime with
// COPPICE_THREAD_POINTS: before an operation on an atomic, and wherever a thread waits in a loop, another
// thread may go on. No other program uses it. A class that is made of these atomics has the same layout as of
// the machine's own, since rooms that are compiled without them use it too.
#pragma once

#include <atomic>

namespace coppice::runtime {

// Defined by the simulated machine. Any thread, also before the machine begins.
namespace thread_points {
void may_change();     // the seed may let another thread go on
void waits();          // the same, in a loop that waits for another thread
void stays(bool does); // true: until the call with false this thread goes on at such points
} // namespace thread_points

// A relaxed load is no point: the operation that acts on what it has read is one.
template <class T>
class point_atomic {
 public:
  constexpr point_atomic() noexcept = default;
  constexpr point_atomic(T value) noexcept : value_(value) {} // NOLINT: as std::atomic
  point_atomic(const point_atomic&) = delete;
  point_atomic& operator=(const point_atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst) const {
    if (order != std::memory_order_relaxed) thread_points::may_change();
    return value_.load(order);
  }
  void store(T to, std::memory_order order = std::memory_order_seq_cst) {
    thread_points::may_change();
    value_.store(to, order);
  }
  T exchange(T to, std::memory_order order = std::memory_order_seq_cst) {
    thread_points::may_change();
    return value_.exchange(to, order);
  }
  T fetch_add(T by, std::memory_order order = std::memory_order_seq_cst) {
    thread_points::may_change();
    return value_.fetch_add(by, order);
  }
  T fetch_sub(T by, std::memory_order order = std::memory_order_seq_cst) {
    thread_points::may_change();
    return value_.fetch_sub(by, order);
  }
  bool compare_exchange_strong(T& seen, T to, std::memory_order same, std::memory_order other) {
    thread_points::may_change();
    return value_.compare_exchange_strong(seen, to, same, other);
  }
  bool compare_exchange_weak(T& seen, T to, std::memory_order same, std::memory_order other) {
    thread_points::may_change();
    return value_.compare_exchange_weak(seen, to, same, other);
  }

 private:
  std::atomic<T> value_{};
};

#ifdef COPPICE_THREAD_POINTS // what else includes this header has the machine's own
struct machine_atomics {
  template <class T>
  using atomic = point_atomic<T>;

  static void pause() { thread_points::waits(); }
  static void yield() { thread_points::waits(); }
  static void compiler_fence() { thread_points::may_change(); }
  static void begin_brief() { thread_points::stays(true); }
  static void end_brief() { thread_points::stays(false); }
};
#endif

} // namespace coppice::runtime
