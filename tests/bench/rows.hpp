// SPDX-License-Identifier: MIT
// The environment variables of programs that print rows: which rows are wanted, and how much work for each.
#pragma once

#include <cstdlib>
#include <string>

namespace coppice::bench {

// The variable as a number; `otherwise` if it is not set.
inline unsigned setting(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

// PEER_BENCH_ONLY names the rows, separated by commas. Unset: all.
inline bool wanted(const std::string& row) {
  const char* const only = std::getenv("PEER_BENCH_ONLY");
  return only == nullptr || ("," + std::string(only) + ",").find("," + row + ",") != std::string::npos;
}

} // namespace coppice::bench
