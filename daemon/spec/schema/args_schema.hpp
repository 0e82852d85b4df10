// SPDX-License-Identifier: MIT
// A plugin's schema of an actor's args, compiled, and the check of YAML against it that yields the term
// the actor gets. JSON Schema in the subset: type, properties, required, additionalProperties, enum, const,
// minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, items, minItems, maxItems,
// default, and the annotations title, description, examples, $schema, $id, $comment. `format: duration`
// takes 5s, never a number alone, and gives milliseconds, `format: size` takes 64KiB (or bytes) and gives
// bytes; both take null too if `type` lists it. A key that is absent and has a default is in the term.
// Immutable; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "spec/schema/report.hpp"
#include "spec/schema/tree.hpp"
#include "spec/schema/values.hpp"

namespace coppice::spec {

class args_schema {
 public:
  // of_template: each start_child completes these args, so required keys of the map itself may be missing.
  // secrets, for check() alone: checks only the secrets, since encode() or an earlier check has accepted the
  // rest. encode() accepts two things that a check of the whole refuses: a default that its own rule does
  // not allow, and a whole number from 9e15 on that is written as a float.
  enum class part { whole, of_template, secrets };

  // From the JSON text of a manifest; empty takes any map. errc::invalid names the place and the fault.
  static base::result<args_schema> compile(std::string_view json_text);

  args_schema(args_schema&&) noexcept;
  args_schema& operator=(args_schema&&) noexcept;
  ~args_schema();

  // `args` nullptr: none were given, and errors are placed at `owner`. Errors name the args by `key`. False:
  // errors are reported.
  bool encode(report&, const node* args, const node& owner, encoded_term& into, part = part::whole,
              std::string_view key = "args") const;

  // Checks args that are a term already, as encode() makes them. errc::invalid: with the path of the first
  // finding, and nothing of a secret's text. A marker among `secrets` counts as any text. null: no secrets.
  base::status check(std::span<const std::uint8_t> term, part = part::whole,
                     const base::secrets* secrets = nullptr) const;

  // The places of durations in args that are a term, as JSON pointers: a printed duration needs its unit.
  std::vector<std::string> durations(std::span<const std::uint8_t> term) const;

  struct rule;

 private:
  explicit args_schema(std::unique_ptr<rule> root);
  std::unique_ptr<rule> root_;
};

} // namespace coppice::spec
