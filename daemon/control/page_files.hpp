// SPDX-License-Identifier: MIT
// The files of the node's page, daemon/control/page, which the build puts into the program. Constant; any
// thread.
#pragma once

#include <span>
#include <string_view>

namespace coppice::control {

struct page_file {
  std::string_view name; // index.html
  std::string_view type; // Content-Type
  std::string_view text;
};

std::span<const page_file> page_files();

} // namespace coppice::control
