// SPDX-License-Identifier: MIT
// From configuration files to one validated node_spec, or to everything that is wrong with them at once.
// Reads the files and the manifests of the plugins they name; runs nothing and writes nothing, so
// `--check`, `diff` and a start judge alike. Blocking file reads: not for a worker's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "spec/node_spec.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::spec {

// `--set path=value`: path is keys joined by dots, a list's element by index, name or id
// ("applications.demo.supervisor.intensity"); value is YAML.
struct override_value {
  std::string path;
  std::string value;
};

// A file of a configuration, by the name it was asked for, and what it says.
struct file_text {
  std::string name;
  std::string text;
  bool operator==(const file_text&) const = default;
};

struct load_options {
  std::vector<override_value> set = {}; // applied in order, after all files
  std::string name = {};                // `--name`: takes the place of node.name; empty: none
  std::string host = {};                // completes a name without a host; empty: the machine's short name
  bool plugins = true;                  // false: plugin files are not looked at, args are not checked
  std::string program = {};             // whose installation's plugins are the default; empty: this one
  std::vector<file_text> texts = {};    // files that say this, whatever is on the disk
  bool regular = false;                 // a file that is a pipe, say, is an error: nobody may wait for it
  std::uint64_t machine_memory = 0;     // bytes of which node.limits.memory may be a share; 0: this machine's
};

// A key that several files, or a file and --set, give: FILE:LINE of the value that counts and of the one that
// does not.
struct overridden_key {
  std::string path; // "node.log.level"
  std::string by;
  std::string over;
};

struct outcome {
  std::optional<node_spec> spec;          // set if and only if no diagnostic is an error
  std::vector<diagnostic> diagnostics;    // by file, line and column
  std::vector<overridden_key> overridden; // in the order in which it happened
  std::vector<file_text> texts;           // what was read, in order
};

// A later file overrides an earlier one: maps are merged key by key, `applications` are added to, any
// other value is replaced. Relative paths are relative to the file that says them.
outcome load(const std::vector<std::string>& paths, const load_options& options = {});

// The same from a text, its relative paths relative to `folder`.
outcome load_text(std::string text, const std::string& file, const std::string& folder,
                  const load_options& options = {});

// The whole effective configuration as YAML, every default written out; load() of it gives the same.
std::string effective_yaml(const node_spec&);

// The JSON Schema of the configuration (config/node.schema.json), indented, with a newline at the end.
std::string json_schema();

} // namespace coppice::spec
