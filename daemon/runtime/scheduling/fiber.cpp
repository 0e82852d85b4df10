// SPDX-License-Identifier: MIT
// Stacks. See fiber.hpp, and fiber_switch.hpp for the switches. A guard is a guard region where the kernel
// has these (Linux 6.13), which needs no mapping of its own, else pages without access rights.
#include "runtime/scheduling/fiber.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/sanitizer.hpp"
#include "runtime/scheduling/fiber_switch.hpp"

#ifdef COPPICE_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace coppice::runtime {
namespace {

// The exception globals of this thread, looked up once. Found without a call, as in driver.cpp.
[[gnu::tls_model("initial-exec")]] thread_local exception_globals* known_exceptions = nullptr;

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

// Never treated as a pure function either, as __cxa_get_globals may be declared.
exception_globals& this_threads_exceptions() {
  asm volatile("" ::: "memory");
  if (known_exceptions == nullptr)
    known_exceptions = reinterpret_cast<exception_globals*>(__cxxabiv1::__cxa_get_globals());
  return *known_exceptions;
}

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
  made->context_ =
      boost::context::detail::make_fcontext(made->mapping_ + guard_size() + size, size, &trampoline::enter);
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
