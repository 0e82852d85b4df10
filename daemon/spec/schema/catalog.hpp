// SPDX-License-Identifier: MIT
// The plugin files that a configuration names: found in its folders, inspected once each, their schemas
// compiled once. Nothing is executed. One load's.
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
    std::string hidden;  // another ID.so, in a later folder, that is never loaded. Empty: there is none
    std::string problem; // not empty: the file is not there, or refused
    std::string remedy;
    bool reported = false; // the problem, or the warnings
    std::vector<manifest::reason> warnings;
    std::vector<std::string> drafts;
    manifest::manifest declared;
    fingerprint print;                          // of what is declared
    std::map<std::string, args_schema> schemas; // by actor
  };

  // ID.so in the first folder that has it.
  plugin& find(const std::string& id);

  // Whether a folder has ID.so, whatever that is.
  bool has(const std::string& id) const { return !path_of(id).empty(); }

  // "did you mean" among the files that are there, and those words.
  std::string suggest(const std::string& id, std::vector<std::string_view> known = {}) const;

  // Those that were found, by id.
  std::vector<plugin_file> files() const;

 private:
  plugin open(const std::string& id) const;
  // The remedy where the folder ID beside one of the folders has ID.so; empty: none has.
  std::string beside(const std::string& id) const;
  // ID.so in the first folder that has it; empty: none has. With `other_than` a path, the first that is
  // another file than that.
  std::string path_of(const std::string& id, const std::string& other_than = {}) const;

  std::vector<std::string> folders_;
  std::map<std::string, plugin> plugins_;
};

} // namespace coppice::spec
