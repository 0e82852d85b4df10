// SPDX-License-Identifier: MIT
// What the configuration says of a router, as host/actors/router.cpp reads it. Any thread.
#pragma once

#include "runtime/messages/message.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

// {OnFailed, Timeout in ns | infinity, MostPending, [{Name, Destination}]}
runtime::message router_term(const spec::router_options& of);

} // namespace coppice::node
