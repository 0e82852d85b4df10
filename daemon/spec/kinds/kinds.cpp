// SPDX-License-Identifier: MIT
// All kinds of list.hpp.
#include "spec/kinds/kinds.hpp"

#include <array>

namespace coppice::spec {

std::span<const kind* const> kinds() {
#define COPPICE_KIND(name) &name##_kind(),
  static const std::array all{COPPICE_KINDS(COPPICE_KIND)};
#undef COPPICE_KIND
  return all;
}

} // namespace coppice::spec
