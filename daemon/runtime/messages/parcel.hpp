// SPDX-License-Identifier: MIT
// An object that is no term, such as a socket, which a process gives to another process of this node
// (process::hand()). Any thread, one at a time.
#pragma once

namespace coppice::runtime {

// Dropping a parcel destroys it, on the thread that drops it.
class parcel {
 public:
  virtual ~parcel() = default;
};

} // namespace coppice::runtime
