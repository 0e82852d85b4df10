// SPDX-License-Identifier: MIT
// Child specifications as Erlang terms, both ways, with OTP's own words for what is wrong with one. A
// start function here is {coppice, start_link, ['PLUGIN:ACTOR', Args]}. Pure.
#pragma once

#include <coppice/etf/writer.hpp>
#include <tl/expected.hpp>

#include "behaviours/child_table.hpp"

namespace coppice::behaviours {

// A map or a 6-tuple, as supervisor:start_child takes it. The error is OTP's: missing_id, {invalid_mfa, F},
// …, and {bad_start_spec, Start} for what no actor here can be started by.
tl::expected<child_spec, runtime::message> read_child_spec(const runtime::message& term,
                                                           auto_shutdown policy);

// #{id, start, restart, significant, shutdown, type, modules}.
void write_child_spec(etf::writer& out, const child_spec& spec);
// {child, undefined, Id, Start, Restart, Significant, Shutdown, Type, Modules}: what goes with an error.
void write_child_record(etf::writer& out, const child_spec& spec);

void write_child_type(etf::writer& out, const child_spec& spec);    // worker | supervisor
void write_child_modules(etf::writer& out, const child_spec& spec); // [Module]

} // namespace coppice::behaviours
