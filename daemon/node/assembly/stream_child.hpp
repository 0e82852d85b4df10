// SPDX-License-Identifier: MIT
// Children with streams, from the configuration to their kinds: listeners for actors and
// for the web, actors that stay connected, actors with a program. Pure.
#pragma once

#include <memory>

#include "behaviours/supervision/child_kind.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Of a child with `tcp: { listen }`.
std::shared_ptr<const behaviours::child_kind> listener(const spec::child_spec& of);
// Of one with `web`.
std::shared_ptr<const behaviours::child_kind> web_server(const spec::child_spec& of);
// Of `tcp: { connect }`.
std::shared_ptr<const behaviours::child_kind> connected_actor(const spec::tcp_options& from);
// Of `port`.
std::shared_ptr<const behaviours::child_kind> program_actor(const spec::port_options& from);

} // namespace coppice::node
