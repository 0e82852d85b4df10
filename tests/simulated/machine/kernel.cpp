// SPDX-License-Identifier: MIT
// syscall(2), which libuv and libstdc++ use where libc has no function; and loading of libraries, during
// which no other thread runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

#include <fmt/format.h>

#include "descriptors.hpp"
#include "files.hpp"
#include "machine.hpp"
#include "real.hpp"
#include "waits.hpp"

namespace coppice::simulated {
namespace {

long futex(const int* word, int what, int value, const timespec* until) {
  switch (what & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != value) return -EAGAIN;
      nanos deadline = never;
      if (until != nullptr && (what & FUTEX_CMD_MASK) == FUTEX_WAIT) deadline = now() + to_nanos(*until);
      if (until != nullptr && (what & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET)
        deadline = on_monotonic((what & FUTEX_CLOCK_REALTIME) != 0 ? CLOCK_REALTIME : CLOCK_MONOTONIC,
                                to_nanos(*until));
      return wait(word, deadline) ? 0 : -ETIMEDOUT;
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      long count = 0;
      while (count < value && wake_one(word)) ++count;
      point();
      return count;
    }
    default:
      not_simulated("this kind of futex");
  }
}

class steady {
 public:
  steady() { change(1); }
  ~steady() { change(-1); }
  steady(const steady&) = delete;
  steady& operator=(const steady&) = delete;

 private:
  static void change(int by) {
    if (thread* const self = current()) self->steady += static_cast<unsigned>(by);
  }
};

} // namespace

long kernel(long number, long a, long b, long c, long d, long e, long f) {
  static auto* const call = real<long(long, ...)>("syscall");
  return call(number, a, b, c, d, e, f);
}

} // namespace coppice::simulated

using namespace coppice::simulated; // NOLINT: what follows are libc's names

extern "C" {

long syscall(long number, ...) noexcept {
  va_list rest;
  va_start(rest, number);
  const long a = va_arg(rest, long);
  const long b = va_arg(rest, long);
  const long c = va_arg(rest, long);
  const long d = va_arg(rest, long);
  const long e = va_arg(rest, long);
  const long f = va_arg(rest, long);
  va_end(rest);
  if (current() == nullptr) return kernel(number, a, b, c, d, e, f);
  switch (number) {
    case SYS_futex:
      return said<ssize_t>(futex(reinterpret_cast<const int*>(a), static_cast<int>(b), static_cast<int>(c),
                                 reinterpret_cast<const timespec*>(d)));
    case SYS_membarrier: // one thread runs at a time
      return 0;
    case SYS_gettid:
      return 1 + current()->number;
    case SYS_close:
      return close(static_cast<int>(a));
    case SYS_getrandom:
      return getrandom(reinterpret_cast<void*>(a), static_cast<size_t>(b), 0);
    case SYS_pidfd_open: // a program that has ended is found by asking
    case SYS_close_range:
      return said<ssize_t>(-ENOSYS);
    case SYS_copy_file_range: // its callers go on with read and write
      return said<ssize_t>(-ENOSYS);
    case SYS_pwritev:
      return write_file(static_cast<int>(a), {reinterpret_cast<const iovec*>(b), static_cast<std::size_t>(c)},
                        d);
    case SYS_statx:
    case SYS_preadv:
      return kernel(number, a, b, c, d, e, f);
    default:
      give_up(fmt::format("system call {} is not simulated", number));
  }
}

void* dlopen(const char* file, int mode) noexcept {
  static auto* const does = real<void*(const char*, int)>("dlopen");
  const steady meanwhile;
  return does(file, mode);
}

int dlclose(void* what) noexcept {
  static auto* const does = real<int(void*)>("dlclose");
  const steady meanwhile;
  return does(what);
}

} // extern "C"
