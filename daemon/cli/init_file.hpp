// SPDX-License-Identifier: MIT
// Reads the file of `coppice init --from`: a YAML list of options as on the command line, in their order.
//
//   - node: shop
//   - sup: front
//   - actor: front:cart
//     args: { start: 2 }
//   - observer: true
//
// The first key of an entry is an option's name; the other keys are those of its braces. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <string>
#include <vector>

#include "cli/init_entries.hpp"

namespace coppice::cli {

struct init_file {
  std::string node; // empty: not given
  bool observer = false;
  std::vector<init_option> options;
};

// An error lists all mistakes, a sentence each.
expected<init_file, std::vector<std::string>> read_init_file(const std::string& text);

} // namespace coppice::cli
