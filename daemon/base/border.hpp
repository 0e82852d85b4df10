// SPDX-License-Identifier: MIT
// Where exceptions end. Errors are values here, but memory runs out, a library throws for what nobody
// foresaw, and plugins are C++. Each border (a turn of a worker, a task of it, a thread of the pool, a
// callback of libuv, a request at the control socket, an entry of the tables that plugins call) runs its work
// within contained(): what is thrown ends that piece of work, the log says whose it was, and the caller ends
// what cannot go on without it. A forced unwinding (the end of a thread by pthread_exit or by its
// cancellation) passes. Any thread.
#pragma once

#include <cxxabi.h>

#include <functional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace coppice::base {

// An exception as the reason {exception, Type, What} has it. "unknown" and "" where it has no such thing.
struct caught_exception {
  std::string type; // "std::bad_alloc"
  std::string what;
};

// The exception that is being handled: only in a catch block.
caught_exception caught();

// The name of a type as C++ source has it; of a function object that of the function it stands in.
std::string readable_name(const std::type_info& of);

// Says in the log what let the exception out that is being handled. `callback`: null: `culprit` says it all.
// Without memory it says less.
[[gnu::cold]] void note_escaped(std::string_view culprit, const std::type_info* callback = nullptr) noexcept;

// Runs work(). False: it let an exception out, which the log knows.
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

// Calls a function object, which the log names by the place it was made at. The object lives until then.
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
