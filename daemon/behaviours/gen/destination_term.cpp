// SPDX-License-Identifier: MIT
// Reads each form by its first tag. A name of another node takes a place in the table of node names.
#include "behaviours/gen/destination_term.hpp"

#include <coppice/etf/cursor.hpp>
#include <string>

namespace coppice::behaviours {

using runtime::destination;

std::optional<destination> read_destination(etf::bytes term, runtime::node_names& names) {
  etf::cursor at(term);
  std::string_view name;
  std::string_view node;
  switch (at.peek()) {
    case etf::kind::pid:
      if (const auto pid = runtime::read_pid(at, names); pid && at.at_end()) return destination(*pid);
      return std::nullopt;
    case etf::kind::reference:
      if (const auto ref = runtime::read_reference(at, names); ref && at.at_end())
        return destination::alias(*ref);
      return std::nullopt;
    case etf::kind::atom:
      if (!at.read_atom(name) || !at.at_end()) return std::nullopt;
      return destination::named(std::string(name));
    case etf::kind::tuple: {
      if (!at.read_tuple_of(2) || !at.read_atom(name) || !at.read_atom(node) || !at.at_end())
        return std::nullopt;
      const auto index = names.intern(node);
      if (!index) return std::nullopt;
      return destination::remote(std::string(name), *index);
    }
    default:
      return std::nullopt;
  }
}

} // namespace coppice::behaviours
