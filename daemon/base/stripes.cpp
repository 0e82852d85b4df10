// SPDX-License-Identifier: MIT
// Gives each thread a stripe when it first asks. See stripes.hpp. Any thread.
#include "base/stripes.hpp"

namespace coppice::base {
namespace {

std::atomic<unsigned> threads{0};
[[gnu::tls_model("initial-exec")]] thread_local unsigned this_one = 0; // 0: the thread has not asked yet

} // namespace

// Never inlined: a function that calls this twice may continue on another thread in between.
[[gnu::noinline]] unsigned this_threads_stripe() {
  asm volatile("");
  if (this_one == 0) [[unlikely]]
    this_one = threads.fetch_add(1, std::memory_order_relaxed) % stripes + 1;
  return this_one - 1;
}

} // namespace coppice::base
