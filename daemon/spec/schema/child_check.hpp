// SPDX-License-Identifier: MIT
// What a kind's check of a child has of the whole file's. One load's.
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

// What is written of an actor, in a child or in the options of one.
struct actor_parts {
  const std::string& actor; // PLUGIN or PLUGIN:ACTOR
  encoded_term& args;
  std::vector<std::string>& durations; // where they stand in args
  const kind* by = nullptr;            // as named_actor::by
  const char* actor_key = "actor";     // under which they are written
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
  // What kinds note of children, for the end of the file.
  typed_values notes;

  // Checks an actor against its plugin, whose fingerprint the child's has in it from then on, and fills in
  // `durations` and, of `child`, plugin, actor_type and behaviour. `at` is the map that has the actor.
  // nullptr: there is no such plugin, or none is looked at.
  virtual const catalog::plugin* check_leaf(child_spec& child, const actor_parts& written, const node& at,
                                            args_schema::part args) = 0;
  // Of the child that is being checked: `of_template`, or `whole`.
  virtual args_schema::part part_of_args() const = 0;
  // Reports that `what` stands at `where` a second time.
  virtual void duplicate(const node& where, const std::string& what, const place& first) = 0;

 protected:
  ~child_check() = default;
};

} // namespace coppice::spec
