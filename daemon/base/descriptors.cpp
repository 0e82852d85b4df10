// SPDX-License-Identifier: MIT
// The limits of getrlimit(2), and counting open descriptors. See descriptors.hpp. Any thread.
#include "base/descriptors.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/process_usage.hpp"

namespace coppice::base {
namespace {

// The first descriptor of the reserve.
std::size_t reserve_begins(std::size_t limit) {
  constexpr std::size_t in_reserve = 64; // but at most a quarter of the limit
  return limit - std::min(in_reserve, limit / 4);
}

rlimit limits() {
  rlimit both{RLIM_INFINITY, RLIM_INFINITY};
  getrlimit(RLIMIT_NOFILE, &both);
  return both;
}

std::size_t as_count(rlim_t soft) {
  return soft == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(soft);
}

std::size_t before_raised = 0; // 0: it was not raised

} // namespace

std::size_t raise_descriptor_limit() {
  rlimit both = limits();
  if (before_raised == 0) before_raised = as_count(both.rlim_cur);
  both.rlim_cur = both.rlim_max;
  setrlimit(RLIMIT_NOFILE, &both);
  return descriptor_limit();
}

std::size_t first_descriptor_limit() {
  return before_raised == 0 ? descriptor_limit() : before_raised;
}

std::size_t descriptor_limit() {
  return as_count(limits().rlim_cur);
}

bool is_last_descriptor(int fd) {
  return fd >= 0 && static_cast<std::size_t>(fd) >= reserve_begins(descriptor_limit());
}

bool only_last_descriptors_left() {
  const int lowest = dup(STDERR_FILENO);
  if (lowest < 0) return errno == EMFILE || errno == ENFILE;
  close(lowest);
  return is_last_descriptor(lowest);
}

bool descriptors_are_few() {
  const std::size_t begin = reserve_begins(descriptor_limit());
  const std::uint64_t open = open_files();
  return open == 0 || open + begin / 8 >= begin; // 0: not even /proc could be opened
}

} // namespace coppice::base
