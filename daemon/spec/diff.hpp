// SPDX-License-Identifier: MIT
// The difference between two validated configurations, as the steps from one to the other: which applications
// and children start, stop, restart or are told of a change, and which other keys changed. Everything that is
// not named here is the same in both. Pure; a difference points into both specifications.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "spec/node_spec.hpp"

namespace coppice::spec {

enum class change_kind {
  start,       // it is new
  stop,        // it is gone
  restart,     // a value that it was started with has changed
  reconfigure, // only the args of a child have changed: its actor may take them as it runs
  update,      // only its supervisor needs to know, or something inside it changed
};

struct supervisor_change;

struct child_change {
  change_kind what = change_kind::update;
  const child_spec* before = nullptr;        // null: start
  const child_spec* after = nullptr;         // null: stop
  std::vector<std::string> keys;             // the keys that changed: "restart", "args.max_entries"
  std::unique_ptr<supervisor_change> inside; // changes of a supervisor that goes on; null: none
};

// The changes of a supervisor that goes on.
struct supervisor_change {
  const supervisor_spec* before = nullptr;
  const supervisor_spec* after = nullptr;
  std::vector<std::string> keys;
  std::size_t front = 0; // children at the beginning that are the same in both; `back`: at the end
  std::size_t back = 0;
  bool reordered = false;             // children that stay come in another order
  bool inserted = false;              // a new child comes before a child that stays
  std::vector<child_change> children; // stopped children, the last first; then the others in their new order
  bool empty() const { return keys.empty() && !reordered && children.empty(); }
};

struct application_change {
  change_kind what = change_kind::update; // never reconfigure
  const application_spec* before = nullptr;
  const application_spec* after = nullptr;
  std::vector<std::string> keys;
  bool env = false; // env has changed: actors that cannot take it as they run are restarted
  std::unique_ptr<supervisor_change> inside;
};

// A key outside `applications`, with its values as JSON. "…" stands for secrets.
struct setting_change {
  std::string key; // "node.log.level"
  std::string before;
  std::string after;
  bool while_running = false; // false: only a start of the node can change it
};

struct difference {
  std::vector<setting_change> settings;
  std::vector<application_change> applications; // in the order of supervisor_change::children
  bool reordered = false;                       // `reordered` and `inserted`: as in supervisor_change
  bool inserted = false;
  bool empty() const { return settings.empty() && applications.empty() && !reordered; }
};

difference diff(const node_spec& before, const node_spec& after);

} // namespace coppice::spec
