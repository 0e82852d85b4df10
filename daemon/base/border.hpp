// SPDX-License-Identifier: MIT
// Where exceptions end. Errors are values in the daemon, but memory can run out, a library can throw
// unexpectedly, and plugins are C++. Each border (a worker's turn or task, a thread of the pool, a callback
// of libuv, a request at the control socket, an entry of the tables that plugins call) runs its work inside
// contained(). An exception ends that piece of work, the log names its source, and the caller ends what
// cannot go on without it. Forced unwinding (a thread that ends by pthread_exit or cancellation) passes
// through. Any thread.
#pragma once

#include <cxxabi.h>

#include <functional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace coppice::base {

// An exception as in the exit reason {exception, Type, What}. "unknown" and "" if it has no type or text.
struct caught_exception {
  std::string type; // "std::bad_alloc"
  std::string what;
};

// The exception that is being handled. Only in a catch block.
caught_exception caught();

// The name of a type as in C++ source. The name of a lambda's type contains the function in which it was
// made.
std::string readable_name(const std::type_info& of);

// Logs the exception that is being handled. `callback`: the type of the function object that threw; null:
// `culprit` is enough. Without memory the text is shorter.
[[gnu::cold]] void note_escaped(std::string_view culprit, const std::type_info* callback = nullptr) noexcept;

// Runs work(). False: it threw an exception, which has been logged.
template <class Work>
bool contained(std::string_view culprit, Work&& work) {
  try {
    std::forward<Work>(work)();
    return true;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    note_escaped(culprit);
    return false;
  }
}

// Calls a function object. If it throws, the log names its type. The object has to live until the call
// returns.
template <class... Parameters, class... Arguments>
bool contained_call(std::string_view culprit, const std::function<void(Parameters...)>& callback,
                    Arguments&&... arguments) {
  try {
    callback(std::forward<Arguments>(arguments)...);
    return true;
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    note_escaped(culprit, &callback.target_type());
    return false;
  }
}

} // namespace coppice::base
