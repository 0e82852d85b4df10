// SPDX-License-Identifier: MIT
// Terms as io_lib of an Erlang node writes them, in one line: ~w and ~p, each with and without `t`. What has
// no text of its own here (pids, references, ports, funs of other nodes) is written as etf::print() has it.
// Pure; any thread; no recursion.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <string>

namespace coppice::services {

struct io_style {
  bool texts = false;   // ~p: lists and binaries of printable characters as "text"
  bool unicode = false; // the modifier t: characters over 255 as they are
};

// Appends one whole term, in UTF-8. Once `out` is longer than `most` the rest may be left out.
void write_io_term(std::string& out, etf::bytes term, io_style how, std::size_t most);

// The shortest decimals that read back as the same float.
std::string io_float(double value);

} // namespace coppice::services
