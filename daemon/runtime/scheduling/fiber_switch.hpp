// SPDX-License-Identifier: MIT
// Switching between stacks, inline. Processors predict returns by pairing them with calls. A parked call's
// returns are predicted well if what ran meanwhile left those calls' pairs alone: if it made no call that had
// not returned, and returned from no function that it had not called. So a switch is no call, and it is
// inlined into the loop that runs turns, as everything between that loop and the switch has to be. Else all
// returns from a switch up to the plugin's code are mispredicted, which costs a call between two processes an
// eighth of its time.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <utility>

#include "base/sanitizer.hpp"
#include "runtime/scheduling/fiber.hpp"

#ifdef COPPICE_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef COPPICE_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace __cxxabiv1 {
// The ABI's name for a thread's exception state. Its layout is part of the ABI: a pointer and a count.
struct __cxa_eh_globals;
extern "C" __cxa_eh_globals* __cxa_get_globals() noexcept;
} // namespace __cxxabiv1

namespace coppice::runtime {

struct exception_globals {
  void* caught;
  unsigned uncaught;
};

// The exception globals of the calling thread. Never inlined: a stack that is switched away from may continue
// on another thread.
[[gnu::noinline]] exception_globals& this_threads_exceptions();

// jump_fcontext(), entered by a jump. It returns by a jump, too, and a call would have no matching return.
[[gnu::always_inline]] inline boost::context::detail::transfer_t jump(boost::context::detail::fcontext_t to,
                                                                      void* data) {
#if defined(__x86_64__) && !defined(__ILP32__) && !defined(__CET__) && !defined(COPPICE_ASAN) && \
    !defined(COPPICE_TSAN)
  boost::context::detail::transfer_t back;
  asm volatile(
      "leaq -128(%%rsp), %%rsp\n\t" // below the red zone, which functions without calls may use
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "jmp *jump_fcontext@GOTPCREL(%%rip)\n"
      "1:\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "=a"(back.fctx), "=d"(back.data), "+D"(to), "+S"(data)
      :
      : "rcx", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
  return back;
#else
  return boost::context::detail::jump_fcontext(to, data);
#endif
}

struct fiber::trampoline {
  // Passed from the fiber that switches away to the fiber that continues on the same thread. Lives on the old
  // stack.
  struct departure {
    fiber* from;
    fiber* to;
    exception_globals* of_thread;
  };
  // The exception globals of the present thread.
  [[gnu::always_inline]] static inline exception_globals& arrived(boost::context::detail::transfer_t from) {
    const departure& left = *static_cast<departure*>(from.data);
    exception_globals* const here = left.of_thread; // before that stack may continue elsewhere
    left.from->context_ = from.fctx;
    return *here;
  }

  [[gnu::always_inline]] static inline void finish_switch([[maybe_unused]] fiber& self) {
#ifdef COPPICE_ASAN
    const void* from_bottom = nullptr;
    std::size_t from_size = 0;
    __sanitizer_finish_switch_fiber(self.fake_stack_, &from_bottom, &from_size);
#endif
  }

  // The first function on a new stack.
  static void enter(boost::context::detail::transfer_t from) {
    fiber& self = *static_cast<departure*>(from.data)->to;
    exception_globals& exceptions = arrived(from);
    finish_switch(self);
    exceptions = {nullptr, 0};
    std::exchange(self.entry_, nullptr)(self.argument_);
    __builtin_unreachable();
  }
};

[[gnu::always_inline]] inline void fiber::switch_to(fiber& to) noexcept {
  exception_globals& exceptions = this_threads_exceptions();
  caught_ = exceptions.caught;
  uncaught_ = exceptions.uncaught;
#ifdef COPPICE_ASAN
  __sanitizer_start_switch_fiber(&fake_stack_, to.stack_bottom_, to.size_);
#endif
#ifdef COPPICE_TSAN
  __tsan_switch_to_fiber(to.sanitizer_fiber_, 0);
#endif
  trampoline::departure leaves{this, &to, &exceptions};
  const bool first_time = to.entry_ != nullptr;
  exception_globals& restored = trampoline::arrived(
      first_time ? boost::context::detail::jump_fcontext(to.context_, &leaves) : jump(to.context_, &leaves));
  trampoline::finish_switch(*this);
  restored.caught = caught_;
  restored.uncaught = uncaught_;
}

} // namespace coppice::runtime
