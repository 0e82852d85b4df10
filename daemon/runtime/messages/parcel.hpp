// SPDX-License-Identifier: MIT
// What a process gives another of this node that is no term: a socket, say. Any thread, one at a time.
#pragma once

namespace coppice::runtime {

// Whoever drops it destroys it, on whatever thread that is.
class parcel {
 public:
  virtual ~parcel() = default;
};

} // namespace coppice::runtime
