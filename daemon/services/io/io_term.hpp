// SPDX-License-Identifier: MIT
// Writes terms as io_lib of an Erlang node does, on one line: ~w and ~p, each with or without `t`. Terms
// without a text of their own (pids, references, ports, funs of other nodes) are written by etf::print().
// Pure; any thread; no recursion.
#pragma once

#include <coppice/etf/types.hpp>
#include <cstddef>
#include <string>

namespace coppice::services {

struct io_style {
  bool texts = false;   // ~p: lists and binaries of printable characters as "text"
  bool unicode = false; // the modifier t: characters above 255 are written unescaped
};

// Appends one whole term in UTF-8. Once `out` is longer than `most`, the rest may be omitted.
void write_io_term(std::string& out, etf::bytes term, io_style how, std::size_t most);

// The shortest decimal text that reads back as the same float.
std::string io_float(double value);

} // namespace coppice::services
