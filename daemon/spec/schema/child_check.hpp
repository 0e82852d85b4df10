// SPDX-License-Identifier: MIT
// The part of the check of the whole file that the check of one child uses. Used by one load.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/schema/args_schema.hpp"
#include "spec/schema/catalog.hpp"
#include "spec/schema/child_spec.hpp"
#include "spec/schema/fingerprint.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/reference_check.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/typed_values.hpp"

namespace coppice::spec {

// The keys of an actor as they are written, in a child or in its options.
struct actor_parts {
  const std::string& actor; // where durations stand in args
  encoded_term& args;
  std::vector<std::string>& durations; // where durations stand in args
  const kind* by = nullptr;            // see named_actor::by
  const char* actor_key = "actor";     // the keys under which both are written
  const char* args_key = "args";
};

class child_check {
 public:
  child_check(report& into, std::string_view own, bool looks_at_plugins)
      : to(into), node_name(own), with_plugins(looks_at_plugins) {}
  child_check(const child_check&) = delete;
  child_check& operator=(const child_check&) = delete;

  report& to;
  const std::string_view node_name; // alive@host
  const bool with_plugins;          // false: no plugin is looked at, and no class of an actor is known
  reference_check references;
  // Notes that kinds make of children, read at the end of the check.
  typed_values notes;

  // Checks an actor against its plugin. Adds the plugin's fingerprint to the child's, and fills in
  // `durations` and the child's plugin, actor_type and behaviour. `at`: the map that has the actor. nullptr:
  // there is no such plugin, or plugins are not looked at.
  virtual const catalog::plugin* check_leaf(child_spec& child, const actor_parts& written, const node& at,
                                            args_schema::part args) = 0;
  // The part of its args that the child under check has: `of_template` or `whole`.
  virtual args_schema::part part_of_args() const = 0;
  // Reports that `what` stands at `where` a second time.
  virtual void duplicate(const node& where, const std::string& what, const place& first) = 0;

 protected:
  ~child_check() = default;
};

} // namespace coppice::spec
