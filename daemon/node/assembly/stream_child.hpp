// SPDX-License-Identifier: MIT
// Children with streams, from the configuration to what their supervisor is told: listeners for actors and
// for the web, actors that stay connected, actors with a program. Pure.
#pragma once

#include <memory>

#include "behaviours/programs/program_spec.hpp"
#include "behaviours/streams/connection_keeper.hpp"
#include "behaviours/streams/tcp_listener.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// Of a child with `tcp: { listen }`.
std::shared_ptr<const behaviours::tcp_spec> listener(const spec::child_spec& of);
// Of one with `web`.
std::shared_ptr<const behaviours::tcp_spec> web_server(const spec::child_spec& of);
// Of `tcp: { connect }`.
std::shared_ptr<const behaviours::kept_connection> kept_connection(const spec::tcp_options& from);
// Of `port`.
std::shared_ptr<const behaviours::program_spec> program(const spec::port_options& from);

} // namespace coppice::node
