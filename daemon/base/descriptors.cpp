// SPDX-License-Identifier: MIT
// See descriptors.hpp.
#include "base/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

namespace coppice::base {
namespace {

constexpr std::size_t in_reserve = 64; // but a quarter at most

rlimit limits() {
  rlimit both{RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_NOFILE, &both);
  return both;
}

} // namespace

std::size_t raise_descriptor_limit() {
  rlimit both = limits();
  both.rlim_cur = both.rlim_max;
  setrlimit(RLIMIT_NOFILE, &both);
  return descriptor_limit();
}

std::size_t descriptor_limit() {
  const rlim_t soft = limits().rlim_cur;
  return soft == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(soft);
}

bool is_last_descriptor(int fd) {
  const std::size_t limit = descriptor_limit();
  return fd >= 0 && static_cast<std::size_t>(fd) >= limit - std::min(in_reserve, limit / 4);
}

} // namespace coppice::base
