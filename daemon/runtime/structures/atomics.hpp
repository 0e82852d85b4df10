// SPDX-License-Identifier: MIT
// What the runtime's protocols between threads need from the machine, as a policy. The lock-free classes
// (lifo, mailbox_load, reclaim, worker_token, code_border, driving, movement) are templates on it, so that
// tests run the same code on instrumented atomics in every interleaving
// (tests/unit/runtime/structures/interleavings.hpp). A policy has
//   atomic<T>           as std::atomic<T>
//   pause()             in a loop that waits for a few instructions of another thread
//   yield()             in a loop that waits longer for another thread
//   compiler_fence()    the compiler moves no access across it; the processor may
//   begin_brief(), end_brief()
//                       around a few instructions for which another thread may wait in a loop
#pragma once

#ifdef COPPICE_THREAD_POINTS
#include "runtime/structures/thread_points.hpp" // machine_atomics for the simulated machine
#else

#include <atomic>
#include <thread>

namespace coppice::runtime {

struct machine_atomics {
  template <class T>
  using atomic = std::atomic<T>;

  static void pause() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }
  static void yield() {
    std::this_thread::yield();
  }
  static void compiler_fence() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  static void begin_brief() {}
  static void end_brief() {}
};

} // namespace coppice::runtime
#endif
