// SPDX-License-Identifier: MIT
// References are gathered on the way through the file and judged at its end, when all names are known.
#include "spec/schema/reference_check.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/suggest.hpp"

namespace coppice::spec {
std::string_view reference_check::lacks(const manifest::actor_type& actor, tree::web_upgrade upgrade) {
  if (!actor.may_take_web()) return "takes no web requests";
  switch (upgrade) {
    case tree::web_upgrade::none:
      return actor.may_answer("requests") ? "" : "has no handle_request";
    case tree::web_upgrade::sse:
      return actor.may_answer("events") ? "" : "has no handle_events";
    case tree::web_upgrade::websocket:
      return actor.may_answer("websockets") ? "" : "has no handle_websocket";
  }
  return "";
}

std::string_view reference_check::consequence(const manifest::actor_type& actor, tree::web_upgrade upgrade) {
  if (!actor.may_take_web() || upgrade == tree::web_upgrade::none)
    return "each request there is answered with 500";
  return "each client of this upgrade is answered with 500";
}

void reference_check::add(std::string from, const std::string& name, const node* where,
                          std::optional<tree::web_upgrade> web, const std::string& by) {
  if (!name.empty() && where != nullptr) found_.push_back({std::move(from), name, where->at, web, by});
}

void reference_check::warn(const std::string& own, report& to) const {
  std::vector<std::string_view> known;
  for (const auto& [name, actor] : registered_) known.push_back(name);
  std::ranges::sort(known);
  std::set<std::string_view> told;
  std::set<std::pair<std::string_view, std::string_view>> missing;
  for (const reference& one : found_) {
    const std::size_t cut = one.name.find('@');
    if (cut != std::string::npos && one.name.substr(cut + 1) != own) continue;
    if (!one.by.empty() && one.by == one.name.substr(0, cut)) {
      to.warning(one.where, "the stage " + in_quotes(one.by) + " subscribes to itself",
                 "it would wait for its own events: name the stage before it");
      continue;
    }
    const auto name = registered_.find(one.name.substr(0, cut));
    if (name == registered_.end()) {
      if (!told.emplace(one.name).second) continue;
      std::string hint = base::did_you_mean(one.name, known);
      if (hint.empty()) hint = "an actor may register it as it runs; else what is sent there goes nowhere";
      to.warning(one.where,
                 one.from + " names the process " + in_quotes(one.name) +
                     ", which no child of this configuration registers",
                 hint);
    } else if (one.web && name->second != nullptr) {
      const std::string_view what = lacks(*name->second, *one.web);
      if (what.empty() || !missing.emplace(one.name, what).second) continue;
      to.warning(one.where,
                 one.from + " goes to the process " + in_quotes(one.name) + ", whose actor " +
                     in_quotes(name->second->name) + " " + std::string(what),
                 std::string(consequence(*name->second, *one.web)));
    }
  }
}

} // namespace coppice::spec
