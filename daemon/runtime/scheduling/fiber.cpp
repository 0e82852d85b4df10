// SPDX-License-Identifier: MIT
// Stacks and switches. See fiber.hpp. A guard is a guard region where the kernel has these (Linux 6.13),
// which needs no mapping of its own, else pages without access rights.
#include "runtime/scheduling/fiber.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <utility>

#include "base/sanitizer.hpp"

#ifdef COPPICE_ASAN
#include <sanitizer/asan_interface.h>
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
namespace {

namespace context = boost::context::detail;

struct exception_globals {
  void* caught;
  unsigned uncaught;
};

// Those of this thread, looked up once. Found without a call, as in driver.cpp.
[[gnu::tls_model("initial-exec")]] thread_local exception_globals* known_exceptions = nullptr;

// Never inlined, and never treated as a pure function, as __cxa_get_globals may be declared: a stack that is
// switched away from may continue on another thread.
[[gnu::noinline]] exception_globals& this_threads_exceptions() {
  asm volatile("" ::: "memory");
  if (known_exceptions == nullptr)
    known_exceptions = reinterpret_cast<exception_globals*>(__cxxabiv1::__cxa_get_globals());
  return *known_exceptions;
}

// jump_fcontext(), entered by a jump. It returns by a jump, too. Processors predict returns by pairing them
// with calls; a call here would have no matching return, and all returns up to the plugin's code would be
// mispredicted.
inline context::transfer_t jump(context::fcontext_t to, void* data) {
#if defined(__x86_64__) && !defined(__ILP32__) && !defined(__CET__) && !defined(COPPICE_ASAN) && \
    !defined(COPPICE_TSAN)
  context::transfer_t back;
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
  return context::jump_fcontext(to, data);
#endif
}

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

[[maybe_unused]] constexpr int madv_guard_install = 102;

// Below a stack. Several pages, so that one large frame does not reach behind the guard.
std::size_t guard_size() {
  return 16 * page_size();
}

bool install_guard(std::byte* begin) {
  if (!base::sanitized && madvise(begin, guard_size(), madv_guard_install) == 0) return true;
  return mprotect(begin, guard_size(), PROT_NONE) == 0;
}

} // namespace

struct fiber::trampoline {
  // Passed from the fiber that switches away to the fiber that continues on the same thread. Lives on the old
  // stack.
  struct departure {
    fiber* from;
    fiber* to;
    exception_globals* of_thread;
  };
  // The exception globals of the present thread.
  static exception_globals& arrived(context::transfer_t from) {
    const departure& left = *static_cast<departure*>(from.data);
    exception_globals* const here = left.of_thread; // before that stack may continue elsewhere
    left.from->context_ = from.fctx;
    return *here;
  }

  static void finish_switch([[maybe_unused]] fiber& self) {
#ifdef COPPICE_ASAN
    const void* from_bottom = nullptr;
    std::size_t from_size = 0;
    __sanitizer_finish_switch_fiber(self.fake_stack_, &from_bottom, &from_size);
#endif
  }

  // The first function on a new stack.
  static void enter(context::transfer_t from) {
    fiber& self = *static_cast<departure*>(from.data)->to;
    exception_globals& exceptions = arrived(from);
    finish_switch(self);
    exceptions = {nullptr, 0};
    std::exchange(self.entry_, nullptr)(self.argument_);
    __builtin_unreachable();
  }
};

base::result<std::unique_ptr<fiber>> fiber::make(std::size_t stack_bytes, entry_fn entry, void* argument) {
  const std::size_t page = page_size();
  const std::size_t size = (stack_bytes + page - 1) / page * page;
  void* raw = mmap(nullptr, size + guard_size(), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (raw == MAP_FAILED) return base::fail_errno("map a stack", errno);
  std::unique_ptr<fiber> made(new fiber);
  made->mapping_ = static_cast<std::byte*>(raw);
  made->size_ = size;
  if (!install_guard(made->mapping_)) return base::fail_errno("guard a stack", errno);
  made->entry_ = entry;
  made->argument_ = argument;
  made->stack_bottom_ = made->mapping_ + guard_size();
  made->context_ = context::make_fcontext(made->mapping_ + guard_size() + size, size, &trampoline::enter);
#ifdef COPPICE_TSAN
  made->sanitizer_fiber_ = __tsan_create_fiber(0);
#endif
  return made;
}

std::unique_ptr<fiber> fiber::of_thread() {
  std::unique_ptr<fiber> made(new fiber);
#ifdef COPPICE_ASAN
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
    void* bottom = nullptr;
    pthread_attr_getstack(&attributes, &bottom, &made->size_);
    made->stack_bottom_ = bottom;
    pthread_attr_destroy(&attributes);
  }
#endif
#ifdef COPPICE_TSAN
  made->sanitizer_fiber_ = __tsan_get_current_fiber();
#endif
  return made;
}

fiber::~fiber() {
  if (mapping_ == nullptr) return;
#ifdef COPPICE_TSAN
  if (sanitizer_fiber_ != nullptr) __tsan_destroy_fiber(sanitizer_fiber_);
#endif
#ifdef COPPICE_ASAN
  __asan_unpoison_memory_region(mapping_ + guard_size(), size_);
#endif
  munmap(mapping_, size_ + guard_size());
}

void fiber::switch_to(fiber& to) noexcept {
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
  exception_globals& restored = trampoline::arrived(first_time ? context::jump_fcontext(to.context_, &leaves)
                                                               : jump(to.context_, &leaves));
  trampoline::finish_switch(*this);
  restored.caught = caught_;
  restored.uncaught = uncaught_;
}

bool fiber::guards(const void* address) const {
  const auto* byte = static_cast<const std::byte*>(address);
  return mapping_ != nullptr && byte >= mapping_ && byte < mapping_ + guard_size();
}

bool fiber::guards_are_mappings() {
  static const bool known = [] {
    if (base::sanitized) return true;
    auto made = make(page_size(), nullptr, nullptr);
    return !made || madvise((*made)->mapping_, page_size(), madv_guard_install) != 0;
  }();
  return known;
}

} // namespace coppice::runtime
