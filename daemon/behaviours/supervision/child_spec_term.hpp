// SPDX-License-Identifier: MIT
// Child specifications as Erlang terms, both ways, with OTP's own words for errors. A start function here is
// {coppice, start_link, ['PLUGIN:ACTOR', Args]}. For a child of the type supervisor it is {coppice,
// start_link, [supervisor, {SupFlags, [ChildSpec]}]}, whose pair is what an OTP supervisor's init returns.
// Beyond OTP a child's map may have a name and the keys of child_extension_term.hpp, and a supervisor's
// flags may have name and on_exceeded. Pure.
#pragma once

#include <coppice/etf/result.hpp>
#include <coppice/etf/writer.hpp>
#include <memory>

#include "behaviours/supervision/child_table.hpp"

namespace coppice::behaviours {

// How deep supervisors that are started at run time may be nested. The application's top supervisor counts.
constexpr unsigned deepest_supervisor = 32;

// Reads a map or a 6-tuple, as supervisor:start_child takes it. The error is OTP's: missing_id,
// {invalid_mfa, F}, …, and {bad_start_spec, Start} if no actor here can be started by it. For a supervisor
// it may also be what its init would have said: {supervisor_data, {invalid_strategy, S}}, {start_spec,
// {duplicate_child_name, Id}}, …. `levels`: how many levels of supervisors there may be, this child's
// included; else {nested_too_deep, Id}.
expected<child_spec, runtime::message> read_child_spec(const runtime::message& term, auto_shutdown policy,
                                                       unsigned levels = deepest_supervisor);
// Reads {SupFlags, [ChildSpec]}. The term must be a pair.
expected<std::shared_ptr<const supervisor_spec>, runtime::message> read_supervisor_spec(
    const runtime::message& pair, unsigned levels);

// Whether actors' arguments are written, or #{} in their place.
enum class shown_args : bool { none, all };

// Writes {SupFlags, [ChildSpec]}. The period is in seconds, as in OTP, rounded up.
void write_supervisor_spec(etf::writer& out, const supervisor_spec& spec, shown_args args = shown_args::all);
// Writes #{id, start, restart, significant, shutdown, type, modules} and the keys beyond OTP.
void write_child_spec(etf::writer& out, const child_spec& spec, shown_args args = shown_args::all);
// Writes {child, undefined, Id, Start, Restart, Significant, Shutdown, Type, Modules}, which goes with an
// error.
void write_child_record(etf::writer& out, const child_spec& spec);

// Reads an atom under which a process can be registered. False: it is no such atom.
bool read_registered_name(etf::bytes term, std::string& out);

void write_child_type(etf::writer& out, const child_spec& spec);    // worker | supervisor
void write_child_modules(etf::writer& out, const child_spec& spec); // [Module]

} // namespace coppice::behaviours
