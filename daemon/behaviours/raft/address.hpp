// SPDX-License-Identifier: MIT
// Where a member of a Raft group is: a registered name on a node, written NAME@ALIVE@HOST as in the
// configuration, and {Name, Node} as a term. Any thread.
#pragma once

#include <coppice/etf/cursor.hpp>
#include <coppice/etf/writer.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/messages/ids.hpp"

namespace coppice::behaviours::raft {

// The parts of NAME@ALIVE@HOST. Empty: there is none.
inline std::string_view name_of(std::string_view address) {
  return address.substr(0, address.find('@'));
}
inline std::string_view node_of(std::string_view address) {
  const std::size_t at = address.find('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

// nullopt: there is no room for another node's name.
inline std::optional<runtime::destination> destination_of(std::string_view address,
                                                          runtime::node_names& nodes) {
  const std::string_view node = node_of(address);
  if (node == nodes.own()) return runtime::destination::named(std::string(name_of(address)));
  const auto index = nodes.intern(node);
  if (!index) return std::nullopt;
  return runtime::destination::remote(std::string(name_of(address)), *index);
}

// {Name, Node}
inline void write_address(etf::writer& out, std::string_view address) {
  out.tuple(2);
  out.atom(name_of(address));
  out.atom(node_of(address));
}

} // namespace coppice::behaviours::raft
