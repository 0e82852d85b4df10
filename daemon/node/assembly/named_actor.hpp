// SPDX-License-Identifier: MIT
// An actor that the options of a child name, with its own arguments. Any thread.
#pragma once

#include "behaviours/supervision/child_spec.hpp"
#include "node/assembly/convert.hpp"
#include "spec/schema/secrets.hpp"

namespace coppice::node {

// `from` has actor, args and unhandled.
template <class Options>
void give_actor(behaviours::child_spec& out, const Options& from) {
  out.actor = from.actor;
  out.args = convert(from.args);
  out.secrets = spec::find_secrets(from.args);
  if (from.unhandled) out.unhandled = convert(*from.unhandled);
}

} // namespace coppice::node
