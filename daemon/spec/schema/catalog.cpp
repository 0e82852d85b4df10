// SPDX-License-Identifier: MIT
// Looks for the file ID.so of a plugin in a list of folders, and has manifest::inspect() judge it.
#include "spec/schema/catalog.hpp"

#include <filesystem>

#include "base/suggest.hpp"

namespace coppice::spec {

namespace {

fingerprint print_of(const manifest::manifest& declared) {
  fingerprinter all;
  all.add(declared.id);
  for (const auto& actor : declared.actors) {
    all.add(actor.name);
    all.add(actor.behaviour);
    all.add(actor.args_schema);
  }
  return all.done();
}

} // namespace

catalog::plugin& catalog::find(const std::string& id) {
  auto known = plugins_.find(id);
  if (known == plugins_.end()) known = plugins_.emplace(id, open(id)).first;
  return known->second;
}

std::string catalog::path_of(const std::string& id, const std::string& other_than) const {
  for (const auto& folder : folders_) {
    std::error_code ignored;
    auto path = std::filesystem::path(folder) / (id + ".so");
    if (!std::filesystem::exists(path, ignored)) continue;
    if (other_than.empty() || !std::filesystem::equivalent(path, other_than, ignored)) return path.string();
  }
  return {};
}

catalog::plugin catalog::open(const std::string& id) const {
  plugin result;
  result.path = path_of(id);
  if (result.path.empty()) {
    result.problem = "no plugin '" + id + "': there is no " + id + ".so in plugins.path";
    result.remedy = beside(id);
    if (result.remedy.empty()) result.remedy = suggest(id);
    if (result.remedy.empty()) {
      result.remedy = folders_.empty() ? "plugins.path is empty" : "looked in";
      for (const auto& folder : folders_) result.remedy += " " + folder;
    }
    return result;
  }
  result.hidden = path_of(id, result.path);
  auto inspected = manifest::inspect(result.path);
  for (const auto& reason : inspected.verdict.reasons) {
    if (reason.warning) {
      result.warnings.push_back(reason);
      continue;
    }
    result.problem = "the plugin " + result.path + " is refused: " + reason.text;
    result.remedy = reason.remedy;
    return result;
  }
  result.declared = std::move(*inspected.declared);
  result.drafts = std::move(inspected.drafts);
  if (result.declared.id != id) {
    result.problem = "the plugin " + result.path + " calls itself '" + result.declared.id + "'";
    result.remedy = "the file must be called " + result.declared.id + ".so";
    return result;
  }
  for (const auto& actor : result.declared.actors) {
    auto schema = args_schema::compile(actor.args_schema);
    if (!schema) {
      result.problem = "the plugin " + result.path + " has a bad args_schema for actor '" + actor.name +
                       "': " + schema.error().text;
      result.remedy = "correct it in the plugin";
      return result;
    }
    result.schemas.emplace(actor.name, std::move(*schema));
  }
  result.print = print_of(result.declared);
  return result;
}

// Where an installation keeps a plugin that nodes are to load only if they say so:
// PREFIX/lib/coppice/ID/ID.so beside PREFIX/lib/coppice/plugins.
std::string catalog::beside(const std::string& id) const {
  for (const auto& folder : folders_) {
    std::error_code ignored;
    const auto place = std::filesystem::path(folder).parent_path() / id;
    if (std::filesystem::exists(place / (id + ".so"), ignored))
      return "it is in " + place.string() + ": add that to plugins.path";
  }
  return {};
}

std::string catalog::suggest(const std::string& id, std::vector<std::string_view> known) const {
  std::vector<std::string> names;
  for (const auto& folder : folders_) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      if (at->path().extension() == ".so") names.push_back(at->path().stem().string());
  }
  known.insert(known.end(), names.begin(), names.end());
  return base::did_you_mean(id, known);
}

std::vector<plugin_file> catalog::files() const {
  std::vector<plugin_file> all;
  for (const auto& [id, one] : plugins_)
    if (one.problem.empty()) all.push_back({id, one.path, one.drafts});
  return all;
}

} // namespace coppice::spec
