// SPDX-License-Identifier: MIT
// The flags of functions that send signals. What a plugin asks for that this host does not know is never
// passed over in silence. Any thread.
#pragma once

#include <coppice/message.h>

#include <cstdint>
#include <optional>

#include "runtime/process.hpp"

namespace coppice::host {

// False: COPPICE_E_UNSUPPORTED.
inline bool all_known(std::uint32_t flags, std::uint32_t known) {
  return (flags & ~known) == 0;
}

// How a signal with these flags is sent; none: COPPICE_E_UNSUPPORTED. What never waits takes COPPICE_NO_WAIT
// too: it keeps that promise as it is.
inline std::optional<runtime::sending> sending_of(std::uint32_t flags) {
  if (!all_known(flags, COPPICE_PRIORITY | COPPICE_NO_CONNECT | COPPICE_NO_WAIT)) return std::nullopt;
  const bool first = (flags & COPPICE_PRIORITY) != 0;
  return runtime::sending{.urgency = first ? runtime::urgency::priority : runtime::urgency::ordinary,
                          .connects = (flags & COPPICE_NO_CONNECT) == 0,
                          .waits = (flags & COPPICE_NO_WAIT) == 0};
}

} // namespace coppice::host
