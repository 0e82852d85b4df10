// SPDX-License-Identifier: MIT
// Loads configuration files: returns one validated node_spec, or everything that is wrong with them at once.
// Reads the files and the manifests of the plugins they name; runs nothing and writes nothing, so `--check`,
// `diff` and a start judge alike. Blocking file reads: not for a worker's thread.
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

// A file of a configuration: the name under which it was asked for, and its text.
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
  std::string program = {};             // its installation's plugins are the default; empty: this program
  std::vector<file_text> texts = {};    // used in place of the files of these names on the disk
  bool regular = false;                 // true: a pipe, for example, is an error, since a read may block
  std::uint64_t machine_memory = 0;     // bytes of which node.limits.memory may be a share; 0: this machine's
};

// A key that is given by several files, or by a file and --set. `by`: FILE:LINE of the value that counts.
// `over`: of the value that does not.
struct overridden_key {
  std::string path; // "node.log.level"
  std::string by;
  std::string over;
};

struct outcome {
  std::optional<node_spec> spec;          // set if and only if no diagnostic is an error
  std::vector<diagnostic> diagnostics;    // by file, line and column
  std::vector<overridden_key> overridden; // in the order in which it happened
  std::vector<file_text> texts;           // the files that were read, in order
};

// A later file overrides an earlier one: maps are merged key by key, the lists `applications`, `events` and
// `cron.jobs` are joined, any other value is replaced. Relative paths are relative to the folder of their
// file.
outcome load(const std::vector<std::string>& paths, const load_options& options = {});

// Loads a text instead of files. Its relative paths are relative to `folder`.
outcome load_text(std::string text, const std::string& file, const std::string& folder,
                  const load_options& options = {});

// The whole effective configuration as YAML, every default written out; load() of it gives the same.
std::string effective_yaml(const node_spec&);

// The JSON Schema of the configuration (config/node.schema.json), indented, with a newline at the end.
std::string json_schema();

} // namespace coppice::spec
