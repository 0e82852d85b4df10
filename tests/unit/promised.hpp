// SPDX-License-Identifier: MIT
// Runs a function on another thread's behalf and puts its result into a promise, on which the test waits.
// Any thread.
#pragma once

#include <exception>
#include <future>
#include <type_traits>

namespace coppice::test {

/// Calls `work` with `given` and keeps in `promise` what it returns or throws. std::packaged_task does the
/// same, but is compiled once for each lambda of a test, which takes a second of each.
template <class Result, class Work, class... Given>
void fulfil(std::promise<Result>& promise, Work& work, Given&... given) {
  try {
    if constexpr (std::is_void_v<Result>) {
      work(given...);
      promise.set_value();
    } else {
      promise.set_value(work(given...));
    }
  } catch (...) {
    promise.set_exception(std::current_exception());
  }
}

} // namespace coppice::test
