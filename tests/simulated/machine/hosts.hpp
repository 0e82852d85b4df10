// SPDX-License-Identifier: MIT
// The hosts of a simulated cluster. Host N has the address 10.0.0.N and the name hN. Number 0 stands for no
// host: the workload, and threads that serve the whole process. The baton's holder.
#pragma once

#include <cstdint>
#include <string>

#include "machine.hpp"

namespace coppice::simulated {

inline constexpr unsigned most_hosts = 8; // numbers 1 to 7, and 0
inline constexpr std::size_t no_limit = SIZE_MAX;

// How look-ups of a host's name go.
enum class naming : std::uint8_t {
  good,   // within some milliseconds
  late,   // within ten seconds
  failing // not: an error comes, soon or after half a minute
};

struct host {
  unsigned lives = 1;   // how often it was started; part of its process number
  nanos wall_ahead = 0; // how far its wall clock is ahead of the simulated one; may be negative
  naming named = naming::good;
  std::size_t most_open = no_limit; // descriptors of its processes
  nanos short_until = 0;            // when it last had descriptors again
};

host& host_at(unsigned number);
// Sets the host's wall clock, and cancels its timers that want to be told of that.
void set_wall_clock(unsigned host, nanos ahead);
// Lets the host have no more descriptors than it has now, and `more`, for this time.
void limit_descriptors(unsigned host, std::size_t more, nanos length);
// The address 10.0.0.N in host byte order.
std::uint32_t address_of(unsigned host);
// The host with this address, in host byte order. 127.0.0.0/8 is the asking host itself. most_hosts: no host
// has it.
unsigned host_of(std::uint32_t address, unsigned asker);

} // namespace coppice::simulated
