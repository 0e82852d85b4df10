// SPDX-License-Identifier: MIT
// The control messages that a peer takes: the one place where the flags in force choose operations. Some
// operations are replaced by an older one; for the others nothing is sent, as OTP does it, because a peer
// that gets an unknown operation ends the connection. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dist/control_message.hpp"

namespace coppice::dist {

class vocabulary {
 public:
  // `flags`: those in force.
  explicit vocabulary(std::uint64_t flags);

  // The operation to send to this peer: `best`, its replacement, or nothing.
  std::optional<op> of(op best) const { return words_[static_cast<std::size_t>(best)]; }

 private:
  std::array<std::optional<op>, 64> words_{}; // by the number of the best operation
};

} // namespace coppice::dist
