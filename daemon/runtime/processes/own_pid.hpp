// SPDX-License-Identifier: MIT
// A pid of this node in half the memory: node and creation, which all of these pids share, are left out. A
// process record keeps its own pid, its parent and its application in this form. A plain value.
#pragma once

#include <bit>
#include <cstdint>

#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

struct own_pid {
  std::uint32_t id = 0;
  std::uint32_t serial = 0;

  own_pid() = default;
  // A pid of another node becomes none.
  explicit own_pid(const pid& of) : id(of.here() ? of.id : 0), serial(of.here() ? of.serial : 0) {}
  explicit operator bool() const { return (id | serial) != 0; }
  // The whole pid; `creation` is the node's. It is assembled in one register: if it were stored in parts and
  // then copied as a whole, as the sender of each message is, the processor would wait for the parts.
  pid whole(std::uint32_t creation) const {
    using halves = std::uint64_t __attribute__((vector_size(sizeof(pid))));
    struct front {
      std::uint32_t node = 0;
      std::uint32_t creation;
    };
    return std::bit_cast<pid>(halves{std::bit_cast<std::uint64_t>(front{.creation = creation}),
                                     std::bit_cast<std::uint64_t>(*this)});
  }
};

} // namespace coppice::runtime
