// SPDX-License-Identifier: MIT
// Reads a source file of this tree without its comment lines, for tests that compare the code of two files.
// Comments are left out because rewording a comment must not fail such a test.
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
