// SPDX-License-Identifier: MIT
// First all mistakes are collected. Then the files are made: those of project/init of the templates, each
// plugin's, and the configuration with its schema.
#include "cli/init_project.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/suggest.hpp"
#include "cli/init_entries.hpp"
#include "cli/init_tree.hpp"
#include "cli/plugin_names.hpp"
#include "cli/templates.hpp"
#include "spec/load.hpp"
#include "spec/schema/names.hpp"

namespace coppice::cli {

namespace {

using json = nlohmann::ordered_json;

// Names of nodes that YAML reads as other values where they stand alone.
constexpr std::string_view no_texts[] = {"null", "true", "false"};

struct project {
  std::vector<tree_entry> entries; // applications, supervisors and plugins
  std::vector<tree_entry> jobs, events, loggers;
  std::vector<std::string> wrong;

  const tree_entry* find(const std::string& name) const {
    const auto found = std::ranges::find(entries, name, &tree_entry::name);
    return found == entries.end() ? nullptr : &*found;
  }
};

bool holds_children(const tree_entry& one) {
  return one.kind == "app" || one.kind == "sup";
}

void add(project& to, const init_option& given, std::map<std::string, std::string>& names) {
  const std::string shown = shown_option(given);
  auto read = read_entry(given, shown + ": ", to.wrong);
  if (!read) return;
  tree_entry one = std::move(*read);
  for (const std::string& name : process_names(one)) {
    const auto place = names.emplace(name, shown);
    if (!place.second)
      to.wrong.push_back(fmt::format("{}: {} is there already, by {}", shown, name, place.first->second));
  }
  if (one.kind == "logger") return to.loggers.push_back(std::move(one));
  if (one.kind == "cron") return to.jobs.push_back(std::move(one));
  if (one.kind == "events") return to.events.push_back(std::move(one));
  to.entries.push_back(std::move(one));
}

void check_parent(project& of, const tree_entry& one) {
  const tree_entry* at = of.find(one.parent);
  if (at == nullptr || !holds_children(*at)) {
    std::vector<std::string_view> parents;
    for (const tree_entry& each : of.entries)
      if (holds_children(each) && each.name != one.name) parents.push_back(each.name);
    const std::string meant = base::did_you_mean(one.parent, parents);
    of.wrong.push_back(fmt::format("--{} {}:{}: there is no application or supervisor {}{}", one.kind,
                                   one.parent, one.name, one.parent, meant.empty() ? "" : ": " + meant));
    return;
  }
  // Every chain of parents must end at an application; otherwise it is a cycle.
  std::set<std::string> seen{one.name};
  for (; at != nullptr && at->kind == "sup"; at = of.find(at->parent))
    if (!seen.insert(at->name).second) {
      of.wrong.push_back(
          fmt::format("--sup {}:{}: a supervisor cannot be below itself", one.parent, one.name));
      return;
    }
}

// Adds the application for entries without a parent.
void give_parents(project& to, const std::string& alive) {
  const std::string own = plugin_name_of(alive);
  const bool wants_own = std::ranges::any_of(
      to.entries, [](const tree_entry& one) { return one.kind != "app" && one.parent.empty(); });
  const bool has_some =
      std::ranges::any_of(to.entries, [](const tree_entry& one) { return one.kind == "app"; });
  const tree_entry* const found = to.find(own);
  const bool declared = found != nullptr && found->kind == "app";
  if (!declared && (wants_own || !has_some)) {
    if (std::ranges::find(no_texts, own) != std::end(no_texts))
      to.wrong.push_back(fmt::format(
          "the application of the node's name would be called {}, which is no text in YAML: --app names one",
          own));
    to.entries.insert(to.entries.begin(), {"app", "", own, json::object()});
  }
  for (tree_entry& one : to.entries)
    if (one.kind != "app" && one.parent.empty()) one.parent = own;
}

std::string configuration(const project& of, const init_request& wanted) {
  const std::string alive = alive_of(wanted.node), node = whole_node_name(wanted.node);
  std::string out = fmt::format(
      "# yaml-language-server: $schema=node.schema.json\n"
      "# The node {0}: coppiced --config config/{0}.yaml, and coppice check says what is wrong here.\n"
      "node:\n"
      "  name: {1}\n"
      "  # No cookie key: ~/.erlang.cookie is used.\n"
      "  data: ../build/data\n"
      "{2}\n"
      "epmd: {{ mode: auto, address: 127.0.0.1 }}\n\n"
      "distribution:\n"
      "  listen:\n"
      "    - {{ address: 127.0.0.1, ports: 15000-65000 }}\n\n",
      alive, node, of.loggers.empty() ? "" : "  log:\n    files:\n" + list_yaml(of.loggers, {}, node, 6));
  if (wanted.observer)
    out += "control:\n  http: { address: 127.0.0.1, port: 9911 } # /metrics, /livez, /readyz\n\n";
  out += "plugins:\n  path: [../build]\n\n";
  if (!of.events.empty()) out += "events:\n" + list_yaml(of.events, {}, node, 2) + "\n";
  if (!of.jobs.empty()) out += "cron:\n  jobs:\n" + list_yaml(of.jobs, {}, node, 4) + "\n";
  std::vector<tree_entry> applications;
  std::ranges::copy_if(of.entries, std::back_inserter(applications),
                       [](const tree_entry& one) { return one.kind == "app"; });
  return out + "applications:\n" + list_yaml(applications, of.entries, node, 2);
}

new_files files_of(const project& of, const init_request& wanted) {
  const std::string alive = alive_of(wanted.node);
  const auto kinds = template_kinds();
  std::string plugins, processes;
  new_files files;
  for (const tree_entry& one : of.entries) {
    if (one.kind == "app") continue;
    for (const std::string& name : process_names(one)) processes += " " + name;
    if (one.kind == "sup") continue;
    plugins += fmt::format("{}'{}': '{}'", plugins.empty() ? "" : ", ", one.name, one.language());
    const auto& kind = *std::ranges::find(kinds, one.kind, &template_kind::name);
    for (auto& [path, text] : plugin_files(kind, one.language(), builder::project, one.name))
      files["plugins/" + one.name + "/" + path] = text;
  }
  const word_pair words[] = {{"my_node", alive},
                             {"my_plugins", plugins},
                             {"my_processes", processes.empty() ? "" : processes.substr(1)},
                             {"my_command", wanted.command}};
  constexpr std::string_view folder = "project/init/";
  for (const template_file& one : template_files())
    if (one.path.starts_with(folder))
      files[with_words(one.path.substr(folder.size()), words)] = with_words(one.text, words);
  files["config/" + alive + ".yaml"] = configuration(of, wanted);
  files["config/node.schema.json"] = spec::json_schema();
  return files;
}

} // namespace

std::string alive_of(const std::string& node) {
  return node.substr(0, node.find('@'));
}

expected<new_files, std::vector<std::string>> project_files(const init_request& wanted) {
  project made;
  if (const std::string why = spec::check_node_name(wanted.node); !why.empty())
    made.wrong.push_back(fmt::format("the node's name '{}' {}", wanted.node, why));
  else if (plugin_name_of(alive_of(wanted.node)).empty())
    made.wrong.push_back(fmt::format("the node's name '{}' must have a letter", wanted.node));
  std::map<std::string, std::string> names;
  for (const init_option& one : wanted.options) add(made, one, names);
  if (made.wrong.empty()) {
    give_parents(made, alive_of(wanted.node));
    const std::vector<tree_entry> entries = made.entries;
    for (const tree_entry& one : entries)
      if (one.kind != "app") check_parent(made, one);
  }
  if (!made.wrong.empty()) return unexpected(made.wrong);
  return files_of(made, wanted);
}

} // namespace coppice::cli
