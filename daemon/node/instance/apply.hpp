// SPDX-License-Identifier: MIT
// The request to apply a configuration to a running node, and its outcome, for the control socket and for
// SIGHUP. Plain values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/log.hpp"
#include "spec/load.hpp"
#include "spec/schema/diagnostic.hpp"

namespace coppice::node {

// Where a node's configuration comes from, whenever it is read.
struct configuration_source {
  std::vector<std::string> files;       // empty: the default files that exist then
  spec::load_options options;           // --set and --name
  std::vector<spec::file_text> texts{}; // the texts of the configuration that the node starts with
};

struct apply_request {
  std::vector<std::string> files;  // empty: the files that the node was started with
  std::vector<std::string> only{}; // absolute; no other file may have changed. Empty: any file may have
  bool back = false;               // instead of files, the configuration that ran before the present one
  bool dry_run = false;            // only say what would happen
  std::string by{};                // the requester: "SIGHUP", "uid 0, pid 17"
  std::int32_t os_pid = 0;         // of the client. 0: none
  std::string kind{}; // errc::exists if an apply of the same kind waits, which does the same. Empty: never
};

// One difference between the running configuration and the files.
struct planned_change {
  std::string
      action; // start, stop, restart, update; set, refuse: a key that a running node can, or cannot, change
  std::string path;              // app/supervisor/child, or the key
  std::vector<std::string> keys; // changed keys of a child, a supervisor or an application
  std::string before;            // the value of a key, as JSON
  std::string after;
};

struct apply_outcome {
  std::vector<spec::diagnostic> diagnostics; // mistakes in the configuration
  bool valid = false;                        // false: nothing else was compared
  std::vector<planned_change> changes;       // in the order in which they happen
  std::vector<planned_change> rest; // with `only`: the changes of other files. Then nothing is applied
  bool applied = false;
  std::vector<std::string> differences; // applied, but the tree differs from it: a sentence each
  // The configuration that a start would read in place of this one. Empty: the same.
  std::string next_start{};
  base::status result; // why it was not applied though it was to be; everything is as before then
};

// Logs the outcome of an apply that was to change something, as one event: each diagnostic, each change, and
// the result. `asked_by`: "SIGHUP", or a client, which `who` describes as fields.
void report(const apply_outcome& outcome, std::string_view asked_by, std::vector<base::log::field> who = {});
// The outcome in a few words: "apply: 2 changes"; "apply refused: FILE:3:5: …".
std::string brief(const apply_outcome& outcome);

} // namespace coppice::node
