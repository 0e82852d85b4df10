// SPDX-License-Identifier: MIT
// What functions of the interfaces take beside terms: flags, and structs that grow from release to release.
// What a plugin asks for that this host does not know is never passed over in silence. Any thread.
#pragma once

#include <coppice/message.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  return runtime::sending{.how = first ? runtime::urgency::priority : runtime::urgency::ordinary,
                          .connects = (flags & COPPICE_NO_CONNECT) == 0,
                          .waits = (flags & COPPICE_NO_WAIT) == 0};
}

// A struct of an older plugin or a newer one: what it does not have is zero. None, which is
// COPPICE_E_INVALID: there is none, or it is smaller than its `least`, what it was in its first release.
template <class Options>
std::optional<Options> read_options(const Options* given, std::size_t least) {
  if (given == nullptr || given->size < least) return std::nullopt;
  Options ours{};
  std::memcpy(&ours, given, std::min<std::size_t>(given->size, sizeof ours));
  return ours;
}

} // namespace coppice::host
