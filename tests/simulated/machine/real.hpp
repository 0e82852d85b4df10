// SPDX-License-Identifier: MIT
// libc's own functions, which the machine's replace. Used for what the machine leaves to the kernel: real
// files, and threads that wait for the baton. Any thread.
#pragma once

#include <dlfcn.h>

#include <cstdint>

namespace coppice::simulated {

// libc's own function of that name.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// The real syscall(2). On failure -1 with errno.
long kernel(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0);

template <class T>
long as_long(T* of) {
  return static_cast<long>(reinterpret_cast<std::intptr_t>(of));
}

} // namespace coppice::simulated
