// SPDX-License-Identifier: MIT
// The function that C++ code calls to throw. It replaces that of the C++ runtime, and then calls it. coppiced
// exports it, so that plugins, which are linked to the C++ runtime, find it first. The file is part of the
// program, since libraries export nothing. Left out under sanitizers, which replace the function themselves.
// Any thread.
#include <cxxabi.h>
#include <dlfcn.h>

#include <exception>
#include <typeinfo>

#include "host/boundary/thrown.hpp"

namespace __cxxabiv1 {
extern "C" {

[[gnu::noreturn, gnu::visibility("default")]] void __cxa_throw(void* exception, std::type_info* type,
                                                               void (*destructor)(void*)) {
  using thrower = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto next = reinterpret_cast<thrower>(dlsym(RTLD_NEXT, "__cxa_throw"));
  coppice::host::note_throw(exception);
  if (next != nullptr) next(exception, type, destructor);
  std::terminate(); // without a C++ runtime nothing can be thrown
}

} // extern "C"
} // namespace __cxxabiv1
