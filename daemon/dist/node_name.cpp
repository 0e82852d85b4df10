// SPDX-License-Identifier: MIT
// Splitting and judging node names. A name that fails here never reaches a table. Any thread.
#include "dist/node_name.hpp"

#include <algorithm>

namespace coppice::dist {
namespace {

// A peer's name may be anything: only what is safe to print and short enough goes into a sentence.
std::string shown(std::string_view name) {
  std::string out(name.substr(0, 80));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return "'" + out + (name.size() > 80 ? "…'" : "'");
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
  const auto characters = std::count_if(
      name.begin(), name.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  if (name.size() > max_node_name || characters > 255) return bad("longer than 255 characters");
  const bool control = std::any_of(name.begin(), name.end(),
                                   [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  if (control) return bad("has a space or a control character");
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
  if (!us) return tl::unexpected(us.error());
  const auto them = parse_node_name(theirs);
  if (!them) return tl::unexpected(them.error());
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
