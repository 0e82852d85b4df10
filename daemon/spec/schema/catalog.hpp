// SPDX-License-Identifier: MIT
// The plugin files that a configuration names: found in its folders, inspected once each, their schemas
// compiled once. Nothing is executed. Used by one load.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "manifest/manifest.hpp"
#include "spec/schema/args_schema.hpp"
#include "spec/schema/fingerprint.hpp"

namespace coppice::spec {

class catalog {
 public:
  explicit catalog(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  struct plugin {
    std::string path;
    std::string hidden;  // another ID.so, in a later folder, that is never loaded; empty: none
    std::string problem; // why the file is not there, or is refused; empty: it is accepted
    std::string remedy;
    bool reported = false; // the problem, or the warnings, are reported
    std::vector<manifest::reason> warnings;
    std::vector<std::string> drafts;
    manifest::manifest declared;
    fingerprint print;                          // of the id, and of actors' names, behaviours and schemas
    std::map<std::string, args_schema> schemas; // by actor
  };

  // ID.so in the first folder that has it.
  plugin& find(const std::string& id);

  // Whether a folder has ID.so, even if it is no plugin.
  bool has(const std::string& id) const { return !path_of(id).empty(); }

  // A "did you mean" with one of the files that are there, or of the words in `known`.
  std::string suggest(const std::string& id, std::vector<std::string_view> known = {}) const;

  // The plugins that were found and accepted, by id.
  std::vector<plugin_file> files() const;

 private:
  plugin open(const std::string& id) const;
  // The remedy if the folder ID beside one of the folders has ID.so; empty: none has it.
  std::string beside(const std::string& id) const;
  // The path of ID.so in the first folder that has it; empty: none has it. A file that is the same as
  // `other_than` is passed over.
  std::string path_of(const std::string& id, const std::string& other_than = {}) const;

  std::vector<std::string> folders_;
  std::map<std::string, plugin> plugins_;
};

} // namespace coppice::spec
