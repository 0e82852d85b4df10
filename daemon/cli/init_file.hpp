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

#include <string>
#include <vector>

#include "cli/init_entries.hpp"

namespace coppice::cli {

struct init_file {
  std::string node; // empty: not given
  bool observer = false;
  std::vector<init_option> options;
  std::vector<std::string> wrong; // all mistakes, a sentence each; the other members are what is right
  bool is_list = false;           // false: nothing could be read, and `wrong` says why
};

init_file read_init_file(const std::string& text);

} // namespace coppice::cli
