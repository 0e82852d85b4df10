// SPDX-License-Identifier: MIT
// A pid of this node in half the bytes: what all of them share is left out.
#pragma once

#include <cstdint>

#include "runtime/messages/ids.hpp"

namespace coppice::runtime {

struct own_pid {
  std::uint32_t id = 0;
  std::uint32_t serial = 0;

  own_pid() = default;
  // None for one elsewhere.
  explicit own_pid(const pid& of) : id(of.here() ? of.id : 0), serial(of.here() ? of.serial : 0) {}
  explicit operator bool() const { return (id | serial) != 0; }
  // `creation`: the node's.
  pid whole(std::uint32_t creation) const { return {0, creation, id, serial}; }
};

} // namespace coppice::runtime
