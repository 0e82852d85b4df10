// SPDX-License-Identifier: MIT
// Checks of an actor's class that several kinds make. Any thread.
#pragma once

#include <string_view>

#include "manifest/manifest.hpp"
#include "spec/schema/kind.hpp"
#include "spec/schema/report.hpp"

namespace coppice::spec {

// Whether the class implements the table of this name.
bool has_table(const manifest::actor_type&, std::string_view name);

// Whether the class has callbacks for connections, or for a program's output.
bool has_streams(const manifest::actor_type&);

// Whether a kind of the child stands in place of an actor.
bool is_in_place_of_actor(const child_spec&);

// Whether connections, or a program's output, come to the child's actors.
bool brings_streams_to(const child_spec&);

// Reports an error if the options of `its` stand beside an actor with another behaviour than `behaviour`.
void refuse_beside_others(report& to, const named_actor& actor, const kind& its, std::string_view behaviour);

} // namespace coppice::spec
