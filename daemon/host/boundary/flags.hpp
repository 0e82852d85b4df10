// SPDX-License-Identifier: MIT
// The flags of functions that send signals. A flag that this host does not know is always refused. Any
// thread.
#pragma once

#include <coppice/message.h>

#include <cstdint>
#include <optional>

#include "runtime/process.hpp"

namespace coppice::host {

// False: return COPPICE_E_UNSUPPORTED.
inline bool all_known(std::uint32_t flags, std::uint32_t known) {
  return (flags & ~known) == 0;
}

// The flags of send and cast, and the flags of the other functions, which never wait.
constexpr std::uint32_t flags_of_messages = COPPICE_PRIORITY | COPPICE_NO_CONNECT | COPPICE_NO_WAIT;
constexpr std::uint32_t flags_of_signals = COPPICE_PRIORITY | COPPICE_NO_CONNECT;

// Converts the flags of a function that takes `known`. Empty: return COPPICE_E_UNSUPPORTED.
inline std::optional<runtime::sending> sending_of(std::uint32_t flags, std::uint32_t known) {
  if (!all_known(flags, known)) return std::nullopt;
  const bool first = (flags & COPPICE_PRIORITY) != 0;
  return runtime::sending{.urgency = first ? runtime::urgency::priority : runtime::urgency::ordinary,
                          .connects = (flags & COPPICE_NO_CONNECT) == 0,
                          .waits = (flags & COPPICE_NO_WAIT) == 0};
}

} // namespace coppice::host
