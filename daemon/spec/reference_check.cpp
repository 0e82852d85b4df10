// SPDX-License-Identifier: MIT
// References are gathered on the way through the file and judged at its end, when all names are known.
#include "spec/reference_check.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "base/suggest.hpp"
#include "spec/cron_options.hpp"
#include "spec/web_options.hpp"

namespace coppice::spec {
namespace {

const node* value_of(const node* map, std::string_view key) {
  return map != nullptr && map->is_map() ? map->find(key) : nullptr;
}

const node* element(const node* list, std::size_t index) {
  return list != nullptr && list->is_sequence() && index < list->items.size() ? list->items[index] : nullptr;
}

// The name is written alone, or as `to` of a map.
const node* name_in(const node* written) {
  return written != nullptr && written->is_map() ? written->find("to") : written;
}

} // namespace

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

void reference_check::look(const node_spec& spec, const node& root) {
  const node* const events = root.find("events");
  for (std::size_t i = 0; i < spec.events.size(); ++i)
    add("an event", spec.events[i].producer, value_of(element(events, i), "producer"));
  if (spec.cron == nullptr) return;
  const node* const jobs = value_of(root.find("cron"), "jobs");
  for (std::size_t i = 0; i < spec.cron->jobs.size(); ++i) {
    const node* const written = value_of(element(jobs, i), "do");
    const cron_do& does = spec.cron->jobs[i].does;
    if (does.send) add("a job", does.send->to, value_of(value_of(written, "send"), "to"));
    if (does.cast) add("a job", does.cast->to, value_of(value_of(written, "cast"), "to"));
    if (does.call) add("a job", does.call->to, value_of(value_of(written, "call"), "to"));
    if (does.start) add("a job", does.start->supervisor, value_of(value_of(written, "start"), "supervisor"));
  }
}

void reference_check::look(const child_spec& spec, const node& child) {
  if (spec.web != nullptr) {
    const node* const routes = value_of(child.find("web"), "routes");
    for (std::size_t i = 0; i < spec.web->routes.size(); ++i)
      add("a route", spec.web->routes[i].to, value_of(element(routes, i), "to"), spec.web->routes[i].upgrade);
  }
  const auto subscribes = [this, &spec](const std::vector<stage_subscription>& all, const node* stage) {
    const node* const list = value_of(stage, "subscribe_to");
    for (std::size_t i = 0; i < all.size(); ++i)
      add("a stage", all[i].to, name_in(element(list, i)), {}, spec.name);
  };
  if (spec.stage) subscribes(spec.stage->subscribe_to, child.find("stage"));
  if (spec.consumer_supervisor)
    subscribes(spec.consumer_supervisor->subscribe_to, child.find("consumer_supervisor"));
  if (spec.router) {
    const node* const routes = value_of(child.find("router"), "routes");
    for (std::size_t i = 0; i < spec.router->routes.size(); ++i) {
      const node* const one = element(routes, i);
      add("a route", spec.router->routes[i].to, value_of(one, "to"));
    }
  }
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
