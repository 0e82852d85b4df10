// SPDX-License-Identifier: MIT
// The new configuration is walked only if a restarted child has anything that another child could take. Any
// thread.
#include "node/changes/held_for_others.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "spec/kinds/kinds.hpp"
#include "spec/schema/kind.hpp"

namespace coppice::node {
namespace {

using spec::change_kind;

// Passes `told` what a child has and no other child can have: "tcp 80", "path /run/x", "passed api", "name
// kv".
template <class Told>
void holdings_of(const spec::child_spec& of, Told told) {
  if (!of.name.empty()) told("name " + of.name);
  for (const spec::kind* const kind : spec::kinds())
    for (const spec::listener& one : kind->listeners(of)) {
      if (!one.socket.empty()) told("passed " + std::string(one.socket));
      if (!one.path.empty()) told("path " + std::string(one.path));
      if (one.port != 0) told(std::string(one.protocol) + " " + std::to_string(one.port));
    }
}

// Like holdings_of(), for a child and everything below it, with the path of each holder.
template <class Told>
void walk(const spec::child_spec& of, const std::string& path, Told told) {
  holdings_of(of, [&](std::string what) { told(std::move(what), path); });
  if (of.supervisor == nullptr || of.supervisor->strategy == tree::strategy::simple_one_for_one) return;
  if (!of.supervisor->name.empty()) told("name " + of.supervisor->name, path);
  for (const auto& one : of.supervisor->children) walk(one, path + "/" + one.id, told);
}

struct restarted {
  std::string path;
  std::vector<std::string> holds;
};

void collect(const spec::supervisor_change& of, const std::string& path, std::vector<restarted>& to) {
  for (const spec::child_change& one : of.children) {
    if (one.before == nullptr) continue;
    const std::string below = path + "/" + one.before->id;
    if (one.inside) collect(*one.inside, below, to);
    if (one.what != change_kind::restart) continue;
    restarted made{below, {}};
    walk(*one.before, below,
         [&](std::string what, const std::string&) { made.holds.push_back(std::move(what)); });
    if (!made.holds.empty()) to.push_back(std::move(made));
  }
}

bool is_within(std::string_view path, std::string_view unit) {
  return path.starts_with(unit) && (path.size() == unit.size() || path[unit.size()] == '/');
}

} // namespace

std::set<std::string, std::less<>> held_for_others(const spec::difference& of, const spec::node_spec& after) {
  std::vector<restarted> all;
  for (const auto& one : of.applications)
    if (one.inside) collect(*one.inside, one.after->name, all);
  std::set<std::string, std::less<>> out;
  if (all.empty()) return out;
  std::unordered_set<std::string_view> wanted;
  for (const restarted& one : all) wanted.insert(one.holds.begin(), one.holds.end());
  std::unordered_map<std::string, std::vector<std::string>> to_have;
  const auto note = [&](std::string what, const std::string& path) {
    if (wanted.contains(what)) to_have[std::move(what)].push_back(path);
  };
  for (const auto& application : after.applications)
    for (const auto& one : application.supervisor.children) walk(one, application.name + "/" + one.id, note);
  for (const restarted& one : all) {
    const bool goes = std::ranges::any_of(one.holds, [&](const std::string& what) {
      const auto found = to_have.find(what);
      return found != to_have.end() && !std::ranges::all_of(found->second, [&](const std::string& path) {
               return is_within(path, one.path);
             });
    });
    if (goes) out.insert(one.path);
  }
  return out;
}

} // namespace coppice::node
