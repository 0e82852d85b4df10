// SPDX-License-Identifier: MIT
// The child_assembly of each kind in the list of kinds.
#include <array>

#include "node/assembly/child_assembly.hpp"

namespace coppice::node {

std::span<const child_assembly> assemblies() {
#define COPPICE_KIND(name) name##_assembly(),
  static const std::array all{COPPICE_KINDS(COPPICE_KIND)};
#undef COPPICE_KIND
  return all;
}

} // namespace coppice::node
