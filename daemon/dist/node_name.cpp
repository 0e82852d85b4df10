// SPDX-License-Identifier: MIT
// Splits and checks node names. A name that fails here never reaches a table. Any thread.
#include "dist/node_name.hpp"

#include "base/printable.hpp"
#include "base/utf8.hpp"

namespace coppice::dist {
namespace {

// A peer's name may be anything, so an error text shows only its beginning.
std::string shown(std::string_view name) {
  return base::in_quotes(name, 80);
}

} // namespace

bool node_name::is_long() const {
  return host.find_first_of(".:") != std::string_view::npos;
}

base::result<node_name> parse_node_name(std::string_view name) {
  const auto bad = [&](std::string_view why) {
    return base::fail(base::errc::invalid,
                      "node name " + shown(name) + ": " + std::string(why) + "; it is alive@host");
  };
  if (name.size() > max_node_name || base::utf8_count(name) > 255) return bad("longer than 255 characters");
  if (name.find(' ') != std::string_view::npos || !base::is_printable(name))
    return bad("has a space or a control character, or is not UTF-8");
  const auto at = name.find('@');
  if (at == std::string_view::npos) return bad("no '@'");
  const node_name parts{name.substr(0, at), name.substr(at + 1)};
  if (parts.alive.empty()) return bad("nothing before the '@'");
  if (parts.host.empty()) return bad("nothing after the '@'");
  if (parts.host.find('@') != std::string_view::npos) return bad("more than one '@'");
  return parts;
}

base::status check_same_kind(std::string_view ours, std::string_view theirs) {
  const auto us = parse_node_name(ours);
  if (!us) return unexpected(us.error());
  const auto them = parse_node_name(theirs);
  if (!them) return unexpected(them.error());
  if (us->is_long() == them->is_long()) return {};
  return base::fail(
      base::errc::refused,
      us->is_long() ? "this node " + shown(ours) + " has a long name and " + shown(theirs) +
                          " a short one: start that node with `-name` and a host with a dot, or give this "
                          "one a short name"
                    : "this node " + shown(ours) + " has a short name and " + shown(theirs) +
                          " a long one: start that node with `-sname`, or give this one a host with a dot");
}

} // namespace coppice::dist
