// SPDX-License-Identifier: MIT
// Names of processes that a configuration sends something to: routes, jobs, events, stages. A name that no
// child of the file registers may be a typing mistake, or an actor registers it as it runs, so it is only
// warned about, once for each name. One load's.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "spec/node_spec.hpp"
#include "spec/report.hpp"
#include "spec/tree.hpp"

namespace coppice::spec {

class reference_check {
 public:
  // A child, a supervisor or the node itself registers this name.
  void registers(const std::string& name) { registered_.try_emplace(name); }
  // The same, for an actor of a class whose note says that it takes no web requests.
  void registers_without_web(const std::string& name, const std::string& actor) { registered_[name] = actor; }

  // The node's events and jobs, and of a child what it says of other processes. `root`, `child`: the maps
  // that they were read from.
  void look(const node_spec& spec, const node& root);
  void look(const child_spec& spec, const node& child);

  // `own`: the node's name, so that NAME@ALIVE@HOST of the node itself is looked at too.
  void warn(const std::string& own, report& to) const;

 private:
  struct reference {
    std::string from; // "a route", …
    std::string name;
    place where;
    bool web = false;
    std::string by; // of a stage that subscribes: its own name
  };
  void add(std::string from, const std::string& name, const node* where, bool web = false,
           const std::string& by = {});

  std::unordered_map<std::string, std::string> registered_; // and the actor that takes no web requests;
                                                            // empty: none such
  std::vector<reference> found_;
};

} // namespace coppice::spec
