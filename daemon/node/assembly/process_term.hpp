// SPDX-License-Identifier: MIT
// Writes a process as configurations name it, NAME or NAME@ALIVE@HOST, as the term of a destination. Any
// thread.
#pragma once

#include <coppice/etf/writer.hpp>
#include <string_view>

namespace coppice::node {

// Writes Name, or {Name, Node}.
inline void write_process(etf::writer& out, std::string_view named) {
  const auto cut = named.find('@');
  if (cut != std::string_view::npos) out.tuple(2);
  out.atom(named.substr(0, cut));
  if (cut != std::string_view::npos) out.atom(named.substr(cut + 1));
}

} // namespace coppice::node
