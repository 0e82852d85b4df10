// SPDX-License-Identifier: MIT
// Names of processes that a configuration sends something to: routes, jobs, events, stages. A name that no
// child of the file registers may be a typing mistake, or an actor may register it as it runs, so it is only
// warned about, once for each name. Used by one load.
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
  // An actor registers this name, and its class has a note that may say what the actor answers of the web.
  void registers(const std::string& name, const manifest::actor_type& actor) { registered_[name] = &actor; }
  // The capability that the actor lacks for a route with this upgrade, such as "takes no web requests".
  // Empty: its note tells of none.
  static std::string_view lacks(const manifest::actor_type& actor, tree::web_upgrade upgrade);
  // The consequence for requests if the actor lacks it.
  static std::string_view consequence(const manifest::actor_type& actor, tree::web_upgrade upgrade);

  // Adds a reference to `name`. `from`: "a route", …; `where`: the name as it is written; nullptr: it is not
  // written, and nothing is added. `web`: for a web route; `by`: for a stage that subscribes, its own name.
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
  // The registered names and their actors, which outlive this. null: not known, or no actor.
  std::unordered_map<std::string, const manifest::actor_type*> registered_;
  std::vector<reference> found_;
};

} // namespace coppice::spec
