// SPDX-License-Identifier: MIT
// Names of processes that a configuration sends something to: routes, jobs, events, stages. A name that no
// child of the file registers may be a typing mistake, or an actor registers it as it runs, so it is only
// warned about, once for each name. One load's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "manifest/manifest.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/values.hpp"
#include "tree/web.hpp"

namespace coppice::spec {

class reference_check {
 public:
  // A child, a supervisor or the node itself registers this name.
  void registers(const std::string& name) { registered_.try_emplace(name); }
  // The same, for an actor of a class whose note says what it answers of the web.
  void registers(const std::string& name, const manifest::actor_type& actor) { registered_[name] = &actor; }
  // What the actor of a route with this upgrade lacks, as "takes no web requests". Empty: nothing that its
  // note tells of.
  static std::string_view lacks(const manifest::actor_type& actor, tree::web_upgrade upgrade);
  // What comes of it.
  static std::string_view consequence(const manifest::actor_type& actor, tree::web_upgrade upgrade);

  // `from`: "a route", …; `where`: the name as it is written, nullptr: it is not. `web`: of a web route;
  // `by`: of a stage that subscribes, its own name.
  void add(std::string from, const std::string& name, const node* where,
           std::optional<tree::web_upgrade> web = {}, const std::string& by = {});

  // `own`: the node's name, so that NAME@ALIVE@HOST of the node itself is looked at too.
  void warn(const std::string& own, report& to) const;

 private:
  struct reference {
    std::string from; // "a route", …
    std::string name;
    place where;
    std::optional<tree::web_upgrade> web; // of a web route
    std::string by;                       // of a stage that subscribes: its own name
  };
  // And its actor, which outlives this. Null: not known, or no actor.
  std::unordered_map<std::string, const manifest::actor_type*> registered_;
  std::vector<reference> found_;
};

} // namespace coppice::spec
