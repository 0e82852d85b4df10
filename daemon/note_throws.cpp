// SPDX-License-Identifier: MIT
// What C++ code calls to throw, in the place of the C++ runtime's own, which it goes on to: coppiced exports
// it, so that plugins, which are linked to the C++ runtime, find it first. It is a file of the program rather
// than of a library, as those export nothing. Not under sanitizers, which put functions of theirs there. Any
// thread.
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
  std::terminate(); // there is no C++ runtime to throw with
}

} // extern "C"
} // namespace __cxxabiv1
