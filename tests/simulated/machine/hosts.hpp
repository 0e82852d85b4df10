// SPDX-License-Identifier: MIT
// The hosts of a simulated cluster. Host N has the address 10.0.0.N and the name hN; number 0 is no host: the
// workload, and threads that serve the whole process. The baton's holder.
#pragma once

#include <cstdint>
#include <string>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr unsigned most_hosts = 8; // numbers 1 to 7, and 0

struct host {
  unsigned lives = 1;   // how often it was started; part of its process number
  nanos wall_ahead = 0; // of other hosts' wall clocks
  std::uint64_t random = 0;
};

host& host_at(unsigned number);
// 10.0.0.N in the order of bytes of the network.
std::uint32_t address_of(unsigned host);
// most_hosts: nobody's. 127.0.0.0/8 is the asker's own.
unsigned host_of(std::uint32_t address, unsigned asker);

} // namespace coppice::simulated
