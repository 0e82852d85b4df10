// SPDX-License-Identifier: MIT
// Which stripe a thread has: see stripes.hpp. Any thread.
#include "base/stripes.hpp"

namespace coppice::base {
namespace {

std::atomic<unsigned> threads{0};
[[gnu::tls_model("initial-exec")]] thread_local unsigned this_one = 0; // 0: has not asked yet

} // namespace

// By itself each time: a function that calls this twice may go on on another thread in between.
[[gnu::noinline]] unsigned this_threads_stripe() {
  asm volatile("");
  if (this_one == 0) [[unlikely]]
    this_one = threads.fetch_add(1, std::memory_order_relaxed) % stripes + 1;
  return this_one - 1;
}

} // namespace coppice::base
