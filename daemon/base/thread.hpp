// SPDX-License-Identifier: MIT
// Starts a thread and returns an error if that fails: std::thread throws if the system has no further thread,
// or no memory for its stack. Any thread.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.hpp"

namespace coppice::base {

// Runs work() on a new thread, which the caller has to join. errc::limit: there is none.
template <class Work>
result<std::thread> start_thread(Work&& work) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error& why) {
    return fail(errc::limit, std::string("no thread could be started: ") + why.what());
  }
}

} // namespace coppice::base
