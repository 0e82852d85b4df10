// SPDX-License-Identifier: MIT
// Converts values of a configuration to those of the runtime, whose headers the room `spec` does not
// include: the bounds of mailboxes, priorities, unhandled requests, terms. Each enumeration is converted in
// one place, so that neither side depends on the other's order. Values of a supervision tree need no
// conversion: both sides use those of the room `tree`. Pure.
#pragma once

#include "runtime/actor_factory.hpp"
#include "runtime/inspectable.hpp"
#include "runtime/messages/mailbox_bounds.hpp"
#include "runtime/messages/message.hpp"
#include "spec/kinds/statem.hpp"
#include "spec/node_spec.hpp"

namespace coppice::node {

runtime::on_full convert(spec::on_full value);
runtime::priority convert(spec::priority value);
runtime::postponed_bound convert(const spec::postponed_options& value);
runtime::unhandled convert(spec::unhandled value);
runtime::mailbox_bounds convert(const spec::mailbox_options& from);
runtime::message convert(const spec::encoded_term& term);

} // namespace coppice::node
