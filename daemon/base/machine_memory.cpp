// SPDX-License-Identifier: MIT
// Reads the machine's memory and the limits of the control groups. Each group up to the root may have a
// limit.
#include "base/machine_memory.hpp"

#include <uv.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace coppice::base {

std::uint64_t machine_memory() {
  std::uint64_t least = uv_get_total_memory();
  std::ifstream groups("/proc/self/cgroup");
  std::string group;
  while (std::getline(groups, group) && !group.starts_with("0::")) {
  }
  if (!group.starts_with("0::")) return least;
  group.erase(0, 3);
  while (!group.empty()) {
    std::uint64_t limit = 0; // stays 0 for "max"
    if (std::ifstream("/sys/fs/cgroup" + group + "/memory.max") >> limit && limit != 0)
      least = std::min(least, limit);
    group.erase(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
  return least;
}

} // namespace coppice::base
