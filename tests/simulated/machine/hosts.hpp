// SPDX-License-Identifier: MIT
// The hosts of a simulated cluster. Host N has the address 10.0.0.N and the name hN. Number 0 stands for no
// host: the workload, and threads that serve the whole process. The baton's holder.
#pragma once

#include <cstdint>
#include <string>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr unsigned most_hosts = 8; // numbers 1 to 7, and 0

struct host {
  unsigned lives = 1;   // how often it was started; part of its process number
  nanos wall_ahead = 0; // how far its wall clock is ahead of the simulated one; may be negative
  std::uint64_t random = 0;
};

host& host_at(unsigned number);
// The address 10.0.0.N in host byte order.
std::uint32_t address_of(unsigned host);
// The host with this address, in host byte order. 127.0.0.0/8 is the asking host itself. most_hosts: no host
// has it.
unsigned host_of(std::uint32_t address, unsigned asker);

} // namespace coppice::simulated
