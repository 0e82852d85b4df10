// SPDX-License-Identifier: MIT
// syscall(2), which libuv and libstdc++ use for what libc has no function for; what /proc and /sys tell;
// syncs of files, which cost nothing here; and libraries that are loaded, meanwhile no other thread is.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "descriptors.hpp"
#include "files.hpp"
#include "machine.hpp"
#include "real.hpp"
#include "waits.hpp"

namespace coppice::simulated {
namespace {

// Their contents are the real machine's, and differ from run to run.
bool tells_of_the_real_machine(const char* path) {
  return std::strncmp(path, "/proc/", 6) == 0 || std::strncmp(path, "/sys/", 5) == 0;
}

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

int open_file(const char* path, int flags, unsigned mode) {
  if (current() != nullptr && tells_of_the_real_machine(path)) return said(-ENOENT);
  const int made = static_cast<int>(kernel(SYS_openat, AT_FDCWD, as_long(path), flags, mode));
  note_file(made);
  return made;
}

std::array<unsigned, first_descriptor> file_hosts; // of each of the kernel's descriptors: who opened it

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

void note_file(int fd) {
  if (fd >= 0 && fd < first_descriptor && current() != nullptr)
    file_hosts[static_cast<std::size_t>(fd)] = current()->host;
}

void forget_file(int fd) {
  if (fd >= 0 && fd < first_descriptor) file_hosts[static_cast<std::size_t>(fd)] = 0;
}

void close_files_of(unsigned host) {
  for (std::size_t fd = 0; fd < file_hosts.size(); ++fd)
    if (file_hosts[fd] == host) close(static_cast<int>(fd));
}

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
    case SYS_statx:
    case SYS_copy_file_range:
    case SYS_preadv:
    case SYS_pwritev:
    case SYS_renameat2:
      return kernel(number, a, b, c, d, e, f);
    default:
      give_up(fmt::format("system call {} is not simulated", number));
  }
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file(path, flags, mode);
}

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<unsigned>(va_arg(rest, int));
  va_end(rest);
  return open_file(path, flags, mode);
}

FILE* fopen64(const char* path, const char* mode) {
  static auto* const does = real<FILE*(const char*, const char*)>("fopen64");
  if (current() == nullptr || !tells_of_the_real_machine(path)) return does(path, mode);
  errno = ENOENT;
  return nullptr;
}

FILE* fopen(const char* path, const char* mode) {
  return fopen64(path, mode);
}

DIR* opendir(const char* path) {
  static auto* const does = real<DIR*(const char*)>("opendir");
  if (current() == nullptr || !tells_of_the_real_machine(path)) return does(path);
  errno = ENOENT;
  return nullptr;
}

int fsync(int) {
  point();
  return 0;
}

int fdatasync(int) {
  point();
  return 0;
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
