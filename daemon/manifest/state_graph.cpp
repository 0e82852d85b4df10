// SPDX-License-Identifier: MIT
// The manifest is untrusted, and bounded by its note's size.
#include "manifest/state_graph.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace coppice::manifest {
namespace {

std::string between_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

} // namespace

std::vector<std::string> unreachable(const std::vector<declared_state>& states) {
  std::vector<std::string> out;
  if (states.empty()) return out;
  std::map<std::string_view, const declared_state*> by_name;
  for (const auto& one : states) by_name.emplace(one.name, &one);
  std::set<std::string_view> reached{states.front().name};
  for (std::vector<const declared_state*> open{&states.front()}; !open.empty();) {
    const declared_state* const from = open.back();
    open.pop_back();
    for (const auto& edge : from->on) {
      const auto to = by_name.find(edge.to);
      if (to != by_name.end() && reached.insert(to->first).second) open.push_back(to->second);
    }
  }
  for (const auto& one : states)
    if (!reached.contains(one.name)) out.push_back(one.name);
  return out;
}

std::string dot(std::string_view name, const std::vector<declared_state>& states) {
  const auto left_out = unreachable(states);
  std::string text = "digraph " + between_quotes(name) + " {\n  node [shape=box, style=rounded];\n";
  for (const auto& one : states) {
    const bool dashed = std::ranges::find(left_out, one.name) != left_out.end();
    const bool first = &one == &states.front();
    text += "  " + between_quotes(one.name) +
            (dashed  ? " [style=\"rounded,dashed\"];\n"
             : first ? " [penwidth=2];\n"
                     : ";\n");
  }
  for (const auto& one : states)
    for (const auto& edge : one.on)
      text += "  " + between_quotes(one.name) + " -> " + between_quotes(edge.to) +
              " [label=" + between_quotes(edge.event) + "];\n";
  return text + "}\n";
}

} // namespace coppice::manifest
