// SPDX-License-Identifier: MIT
// See development.hpp. Meson writes down what a build consists of, so a test is run as Meson would run it,
// without starting Meson for it, which takes as long as compiling a small plugin.
#include "cli/development.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace coppice::cli {

namespace {

using nlohmann::json;

// `path` from `folder` on; empty: it is not in that folder.
std::string below(const std::string& folder, const std::string& path) {
  return path.starts_with(folder + "/") ? path.substr(folder.size() + 1) : "";
}

std::vector<std::string> texts(const json& of, const char* key) {
  std::vector<std::string> out;
  const auto found = of.find(key);
  if (found == of.end() || !found->is_array()) return out;
  for (const json& one : *found)
    if (one.is_string()) out.push_back(one.get<std::string>());
  return out;
}

std::string text(const json& of, const char* key) {
  const auto found = of.find(key);
  return found != of.end() && found->is_string() ? found->get<std::string>() : "";
}

plugin_test test_of(const json& one) {
  plugin_test made{texts(one, "cmd"), {}, text(one, "workdir"), {}};
  if (const auto environment = one.find("env"); environment != one.end() && environment->is_object())
    for (const auto& [name, value] : environment->items())
      if (value.is_string()) made.environment[name] = value.get<std::string>();
  if (const auto timeout = one.find("timeout"); timeout != one.end() && timeout->is_number())
    made.timeout = std::chrono::seconds(std::max<long long>(timeout->get<long long>(), 0));
  return made;
}

// "config", or "" for a file directly in the project's folder.
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "" : path.substr(0, slash);
}

bool is_in(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

bool describes_build(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == "meson.build" || name == "meson.options" || name == "meson_options.txt";
}

} // namespace

base::result<built_plugins> plugins_of_build(const std::string& targets, const std::string& tests,
                                             const std::string& build) {
  const json of_targets = json::parse(targets, nullptr, false);
  const json of_tests = json::parse(tests, nullptr, false);
  if (!of_targets.is_array() || !of_tests.is_array())
    return base::fail(base::errc::invalid, build + "/meson-info does not say what is built");
  std::set<std::string> outputs; // all, absolute
  built_plugins made;
  for (const json& one : of_targets) {
    for (const std::string& file : texts(one, "filename")) {
      outputs.insert(file);
      const std::string name = below(build, file);
      if (!name.ends_with(".so") || name.find('/') != name.npos) continue;
      made[name.substr(0, name.size() - 3)].targets.push_back(name);
    }
  }
  for (const json& one : of_tests) {
    const auto tested = made.find(text(one, "name"));
    if (tested == made.end()) continue;
    tested->second.test = test_of(one);
    for (const std::string& word : tested->second.test.command)
      if (outputs.contains(word)) tested->second.targets.push_back(below(build, word));
  }
  return made;
}

std::string source_of_build(const std::string& information) {
  const json read = json::parse(information, nullptr, false);
  const auto folders = read.is_object() ? read.find("directories") : read.end();
  return folders == read.end() || !folders->is_object() ? "" : text(*folders, "source");
}

void due_work::add(const due_work& other) {
  build = build || other.build;
  configuration = configuration || other.configuration;
  plugins.insert(other.plugins.begin(), other.plugins.end());
}

bool is_watched_folder(const std::string& folder, const std::string& configuration) {
  const std::string name = folder.substr(folder.rfind('/') + 1);
  if (name == "target" || name == "node_modules" || name == "__pycache__") return false; // made by tools
  const std::string configured = folder_of(configuration);
  // Also the folders on the way to the configuration.
  return is_in(folder, "plugins") || is_in(folder, "config") ||
         (!configured.empty() && (is_in(folder, configured) || is_in(configured, folder)));
}

due_work work_for(const std::string& changed, const built_plugins& known, const std::string& configuration) {
  due_work due;
  const std::string configured = folder_of(configuration);
  if (describes_build(changed)) {
    due.build = true;
  } else if (changed == configuration || is_in(changed, "config") ||
             (!configured.empty() && is_in(changed, configured))) {
    due.configuration = !changed.ends_with("/node.schema.json"); // for editors
  } else if (is_in(changed, "plugins")) {
    const std::string inner = below("plugins", changed);
    const std::string name = inner.substr(0, inner.find('/'));
    if (known.contains(name))
      due.plugins.insert(name);
    else
      due.build = true; // a source that several plugins may use
  }
  return due;
}

std::string first_error(std::string_view output) {
  std::string first;
  while (!output.empty()) {
    const std::string_view line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    const bool tells = line.find("error: ") != line.npos || line.find("ERROR: ") != line.npos ||
                       line.starts_with("error[") || line.find("undefined reference") != line.npos;
    if (tells) return std::string(line);
    if (first.empty() && line.find_first_not_of(" \t\r") != line.npos) first = line;
  }
  return first;
}

std::string reload_text(const json& reply) {
  std::map<std::string, std::size_t> outcomes;
  if (const auto plugins = reply.find("plugins"); plugins != reply.end())
    for (const json& plugin : *plugins)
      if (const auto actors = plugin.find("actors"); actors != plugin.end())
        for (const json& actor : *actors) ++outcomes[text(actor, "outcome")];
  std::string out;
  for (const auto& [outcome, number] : outcomes)
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", number,
                       outcome == "carried" ? "carried over" : outcome);
  return out.empty() ? "no actor of it runs" : out;
}

std::string changes_text(const json& reply) {
  constexpr std::size_t most = 5;
  std::string out;
  std::size_t number = 0;
  if (const auto changes = reply.find("changes"); changes != reply.end())
    for (const json& one : *changes)
      if (++number <= most)
        out += fmt::format("{}{} {}", out.empty() ? "" : ", ", text(one, "action"), text(one, "path"));
  if (number > most) out += fmt::format(" and {} more", number - most);
  return out;
}

std::chrono::seconds back_off::after(std::chrono::steady_clock::duration ran) {
  constexpr std::chrono::seconds longest{30};
  if (ran >= std::chrono::minutes(1)) reset();
  const auto wait = next_;
  next_ = std::min(next_ * 2, longest);
  return wait;
}

} // namespace coppice::cli
