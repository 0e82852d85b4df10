// SPDX-License-Identifier: MIT
// See worker_clock.hpp.
#include "runtime/scheduling/worker_clock.hpp"

namespace coppice::runtime {
namespace {

constexpr std::uint64_t fresh_for = 20'000; // in counts

} // namespace

std::uint64_t worker_clock::read_counter() {
  counter_ = processor_counter();
  if (counter_ == 0) {
    now_ = base::mono_now();
    return counter_ = static_cast<std::uint64_t>(now_);
  }
  if (counter_ - clock_read_ >= fresh_for) {
    clock_read_ = counter_;
    now_ = base::mono_now();
  }
  return counter_;
}

} // namespace coppice::runtime
