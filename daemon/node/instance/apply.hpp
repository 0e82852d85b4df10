// SPDX-License-Identifier: MIT
// Applying a configuration to a running node: what is asked for and what came of it, for the control socket
// and for SIGHUP. Plain values; any thread.
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

// Where a node's configuration comes from, each time it is read.
struct configuration_source {
  std::vector<std::string> files;       // empty: the default files, whichever there are then
  spec::load_options options;           // --set and --name
  std::vector<spec::file_text> texts{}; // what the configuration that the node starts with was read from
};

struct apply_request {
  std::vector<std::string> files;  // empty: those the node was started with
  std::vector<std::string> only{}; // absolute: of those files nothing else may have changed; empty: any may
  bool back = false;               // the configuration that ran before the one that runs, in place of files
  bool dry_run = false;            // say what would happen; nothing does
  std::string by{};                // who asks: "SIGHUP", "uid 0, pid 17"
  std::int32_t os_pid = 0;         // of the client; 0: none
  std::string kind{}; // errc::exists where one of the same kind waits, which does the same; empty: it counts
};

// One difference between what runs and what was read.
struct planned_change {
  std::string
      action; // start, stop, restart, update; set, refuse: a key that a running node can, or cannot, change
  std::string path;              // app/supervisor/child, or the key
  std::vector<std::string> keys; // of a child, a supervisor or an application: what changed
  std::string before;            // of a key: its values, as JSON
  std::string after;
};

struct apply_outcome {
  std::vector<spec::diagnostic> diagnostics; // what is wrong with the configuration
  bool valid = false;                        // false: nothing else was looked at
  std::vector<planned_change> changes;       // in the order in which they happen
  std::vector<planned_change> rest; // with `only`: what other files would change, so that nothing happens
  bool applied = false;
  std::vector<std::string> differences; // applied, and yet the tree differs from it: a sentence each
  // What a node that starts would read in place of this configuration. Empty: the same.
  std::string next_start{};
  base::status result; // not applied though it was to be: why, and that everything is as before
};

// The outcome as one event of the log, for an apply that was to change something: each diagnostic, each
// change, what came of it. `asked_by`: "SIGHUP", or a client, whom `who` has as fields.
void report(const apply_outcome& outcome, std::string_view asked_by, std::vector<base::log::field> who = {});
// In a few words: "apply: 2 changes"; "apply refused: FILE:3:5: …".
std::string brief(const apply_outcome& outcome);

} // namespace coppice::node
