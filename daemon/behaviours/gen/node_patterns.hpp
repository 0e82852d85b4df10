// SPDX-License-Identifier: MIT
// Decides which nodes a configuration's list of patterns matches. Any thread.
#pragma once

#include <fnmatch.h>

#include <algorithm>
#include <string>
#include <vector>

namespace coppice::behaviours {

// `node`: its full name. Patterns are those of fnmatch(3). An empty list matches all nodes.
inline bool is_meant(const std::vector<std::string>& patterns, const std::string& node) {
  return patterns.empty() || std::ranges::any_of(patterns, [&](const std::string& one) {
           return fnmatch(one.c_str(), node.c_str(), 0) == 0;
         });
}

} // namespace coppice::behaviours
