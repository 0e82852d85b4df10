// SPDX-License-Identifier: MIT
// The functions of the C library that allocate, and the one that starts threads. They replace those of the
// library, and then call them. coppiced exports them, so that every library and plugin finds them first, and
// so all allocations are counted (base/counted_heap.hpp). A thread that the code of a plugin starts allocates
// for that plugin. The file is part of the program, since libraries export nothing. Left out under sanitizers
// and with other C libraries than GNU's, which have their own. Any thread.
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>

#include "base/counted_heap.hpp"
#include "base/heap_account.hpp"

namespace heap = coppice::base::heap;

namespace {

[[maybe_unused]] const bool declared = (heap::count_from_now_on(), true);

std::size_t page_bytes() {
  return static_cast<std::size_t>(getpagesize());
}

struct start_of_thread {
  void* (*function)(void*);
  void* argument;
  heap::owner charged;
};

void* run_charged(void* given) {
  const start_of_thread start = *static_cast<start_of_thread*>(given);
  __libc_free(given);
  const heap::charge to(start.charged);
  return start.function(start.argument);
}

} // namespace

#define COPPICE_EXPORTED [[gnu::visibility("default")]]

extern "C" {

COPPICE_EXPORTED void* malloc(std::size_t bytes) noexcept {
  return heap::allocate(bytes);
}

COPPICE_EXPORTED void* calloc(std::size_t count, std::size_t bytes) noexcept {
  return heap::allocate_zeroed(count, bytes);
}

COPPICE_EXPORTED void* realloc(void* block, std::size_t bytes) noexcept {
  return heap::resize(block, bytes);
}

COPPICE_EXPORTED void free(void* block) noexcept {
  heap::release(block);
}

COPPICE_EXPORTED void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  return heap::allocate_aligned(alignment, bytes);
}

COPPICE_EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  return heap::allocate_aligned(alignment, bytes);
}

COPPICE_EXPORTED int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) noexcept {
  if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) return EINVAL;
  const int before = errno; // this function does not change it
  void* const made = heap::allocate_aligned(alignment, bytes);
  errno = before;
  if (made == nullptr) return ENOMEM;
  *out = made;
  return 0;
}

COPPICE_EXPORTED void* valloc(std::size_t bytes) noexcept {
  return heap::allocate_aligned(page_bytes(), bytes);
}

COPPICE_EXPORTED void* pvalloc(std::size_t bytes) noexcept {
  const std::size_t page = page_bytes();
  std::size_t up = 0;
  if (__builtin_add_overflow(bytes, page - 1, &up)) {
    errno = ENOMEM;
    return nullptr;
  }
  return heap::allocate_aligned(page, up & ~(page - 1));
}

COPPICE_EXPORTED std::size_t malloc_usable_size(void* block) noexcept {
  return heap::usable_bytes(block);
}

COPPICE_EXPORTED int pthread_create(pthread_t* out, const pthread_attr_t* attributes,
                                    void* (*function)(void*), void* argument) noexcept {
  using creator = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<creator>(dlsym(RTLD_NEXT, "pthread_create"));
  if (next == nullptr) return EAGAIN;
  const heap::owner charged = heap::running_here();
  if (charged == heap::unknown) return next(out, attributes, function, argument);
  auto* const start = static_cast<start_of_thread*>(__libc_malloc(sizeof(start_of_thread)));
  if (start == nullptr) return EAGAIN;
  *start = {function, argument, charged};
  const int failed = next(out, attributes, &run_charged, start);
  if (failed != 0) __libc_free(start);
  return failed;
}

} // extern "C"
