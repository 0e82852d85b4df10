// SPDX-License-Identifier: MIT
// The lines of code of a file of this source tree, for tests that compare two lists. Lines that are only a
// comment are left out, since a comment may be reworded.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::test {

inline std::vector<std::string> code_lines_of(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
    if (!std::string_view(line).substr(first).starts_with("//")) out.push_back(line);
  }
  REQUIRE_MESSAGE(!out.empty(), file << " has no code, or cannot be read");
  return out;
}

} // namespace coppice::test
