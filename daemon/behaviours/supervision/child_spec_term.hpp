// SPDX-License-Identifier: MIT
// Child specifications as Erlang terms, both ways, with OTP's own words for what is wrong with one. A
// start function here is {coppice, start_link, ['PLUGIN:ACTOR', Args]}, or of a child whose type is
// supervisor {coppice, start_link, [supervisor, {SupFlags, [ChildSpec]}]}, the pair being what an OTP
// supervisor's init returns. Beyond OTP a child's map may have a name and what child_extension_term.hpp says,
// a supervisor's flags name and on_exceeded. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <coppice/etf/writer.hpp>
#include <memory>

#include "behaviours/supervision/child_table.hpp"

namespace coppice::behaviours {

// How deep supervisors that are started at run time may be nested, from the application's top one on.
constexpr unsigned deepest_supervisor = 32;

// A map or a 6-tuple, as supervisor:start_child takes it. The error is OTP's: missing_id, {invalid_mfa, F},
// …, and {bad_start_spec, Start} for what no actor here can be started by; of a supervisor also what its init
// would have said, {supervisor_data, {invalid_strategy, S}}, {start_spec, {duplicate_child_name, Id}}, ….
// `levels`: of supervisors, this child's included, that there may be; {nested_too_deep, Id}.
expected<child_spec, runtime::message> read_child_spec(const runtime::message& term, auto_shutdown policy,
                                                       unsigned levels = deepest_supervisor);
// {SupFlags, [ChildSpec]}. It is a pair.
expected<std::shared_ptr<const supervisor_spec>, runtime::message> read_supervisor_spec(
    const runtime::message& pair, unsigned levels);

// Whether actors' arguments are written, or #{} in their places.
enum class shown_args : bool { none, all };

// The same pair: the period in seconds, as OTP has it, rounded up.
void write_supervisor_spec(etf::writer& out, const supervisor_spec& spec, shown_args args = shown_args::all);
// #{id, start, restart, significant, shutdown, type, modules}, and what it has beyond OTP.
void write_child_spec(etf::writer& out, const child_spec& spec, shown_args args = shown_args::all);
// {child, undefined, Id, Start, Restart, Significant, Shutdown, Type, Modules}: what goes with an error.
void write_child_record(etf::writer& out, const child_spec& spec);

// An atom that a process can be registered by. False: it is none.
bool read_registered_name(etf::bytes term, std::string& out);

void write_child_type(etf::writer& out, const child_spec& spec);    // worker | supervisor
void write_child_modules(etf::writer& out, const child_spec& spec); // [Module]

} // namespace coppice::behaviours
