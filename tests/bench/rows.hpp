// SPDX-License-Identifier: MIT
// What a program of rows is told by its environment: which rows are wanted, and how much of each.
#pragma once

#include <cstdlib>
#include <string>

namespace coppice::bench {

// A number, where the variable is set.
inline unsigned setting(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// PEER_BENCH_ONLY names the rows, with commas between them; without it all are wanted.
inline bool wanted(const std::string& row) {
  const char* const only = std::getenv("PEER_BENCH_ONLY");
  return only == nullptr || ("," + std::string(only) + ",").find("," + row + ",") != std::string::npos;
}

} // namespace coppice::bench
