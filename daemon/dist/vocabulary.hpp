// SPDX-License-Identifier: MIT
// Which control messages a peer takes: the one place where the flags it offered choose operations. Some have
// an older operation that goes instead; for the rest nothing is sent, as OTP does it, since a peer that is
// sent what it does not know ends the connection and all that is under way with it. Immutable; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "dist/control_message.hpp"

namespace coppice::dist {

class vocabulary {
 public:
  // `flags` are those in force.
  explicit vocabulary(std::uint64_t flags);

  // The operation that says it to this peer: `best`, what goes instead, or nothing.
  std::optional<op> of(op best) const { return words_[static_cast<std::size_t>(best)]; }

 private:
  std::array<std::optional<op>, 64> words_{}; // by the number of the best operation
};

} // namespace coppice::dist
