// SPDX-License-Identifier: MIT
// The arguments of the commands, for the rows of the table (command_table.hpp). Only arguments that a client
// over HTTP may give: no paths of files.
#pragma once

#include <array>

#include "control/command_table.hpp"
#include "control/process_list.hpp"
#include "control/top.hpp"

namespace coppice::control::arguments {

using type = argument_type;

// A client over HTTP has a place among a bounded number for as long as it waits. A client of the control
// socket may wait for longer.
inline constexpr std::uint64_t longest_wait_ms = 3'600'000;
inline constexpr argument timeout{
    "timeout_ms", type::number, false,          "longest wait for the answer, an hour at most",
    {},           30'000,       longest_wait_ms};
inline constexpr argument process{"name", type::text, true,
                                  "a registered name, a pid, or APPLICATION/SUPERVISOR/CHILD"};
inline constexpr argument term{"term", type::text, true, "an Erlang term"};

inline constexpr std::string_view process_orders[] = {"pid", "mailbox", "reductions", "memory", "time"};
inline constexpr std::string_view figures[] = {"messages",   "mailbox", "age",  "memory",
                                               "reductions", "rate",    "time", "cpu"};
inline constexpr std::string_view levels[] = {"trace", "debug", "info", "notice", "warning", "error"};
inline constexpr std::string_view new_levels[] = {"trace",   "debug", "info",   "notice",
                                                  "warning", "error", "default"};
inline constexpr std::string_view group_changes[] = {"add",  "remove",  "transfer",
                                                     "skip", "upgrade", "recover"};
inline constexpr std::string_view saga_choices[] = {"in_doubt", "parked", "overdue"};
inline constexpr std::string_view saga_changes[] = {"resolve"};
inline constexpr std::string_view saga_decisions[] = {"commit", "abort"};
inline constexpr std::string_view listener_changes[] = {"suspend", "resume"};
inline constexpr std::string_view job_changes[] = {"run", "enable", "disable"};
inline constexpr std::string_view event_changes[] = {"publish"};
inline constexpr std::string_view drain_changes[] = {"on", "off"};
inline constexpr std::string_view trace_changes[] = {"off"};

inline constexpr argument tree[] = {{"application", type::text, false, "this one alone"}};
inline constexpr argument ps[] = {
    {"sort", type::text, false, "pid: in their order; else the largest first", process_orders},
    {"limit", type::number, false, "most processes, 1 to 500", {}, most_listed, most_listed, 1},
    {"filter", type::text, false, "a part of the pid, the name, the path, the behaviour or the plugin"},
    {"behaviour", type::text, false, "processes of this behaviour alone"},
    {"without_actors", type::flag, false,
     "of a behaviour that runs actors of plugins, as tcp does for each connection, not these actors"}};
inline constexpr argument info[] = {process};
inline constexpr argument call[] = {process, term, timeout};
inline constexpr argument cast[] = {process, term};
inline constexpr argument node[] = {{"node", type::text, true, "ALIVE@HOST"}, timeout};
inline constexpr argument only_node[] = {{"node", type::text, true, "ALIVE@HOST"}};
inline constexpr argument exit[] = {process, {"reason", type::text, true, "an Erlang term"}};
inline constexpr argument trace[] = {process, {"change", type::text, true, "", trace_changes}, timeout};
inline constexpr argument pool[] = {process, timeout};
inline constexpr argument resize[] = {process, {"size", type::number, true, "workers"}, timeout};
inline constexpr argument change_group[] = {
    process,
    {"change", type::text, true, "", group_changes},
    {"member", type::text, false,
     "NAME@ALIVE@HOST, but for skip and recover; for upgrade: the voter that is left out"},
    {"serial", type::number, false, "for skip: of the command"},
    {"alone", type::flag, false, "for recover: true"},
    timeout};
inline constexpr argument saga[] = {
    process,
    {"tx", type::text, false, "the id of a transaction, which is shown with its steps"},
    {"which", type::text, false, "of what is open; without it the saga's counts and the first 100",
     saga_choices},
    timeout};
inline constexpr argument resolve_saga[] = {process,
                                            {"change", type::text, true, "", saga_changes},
                                            {"tx", type::text, true, "the id of a transaction"},
                                            {"decision", type::text, true, "", saga_decisions},
                                            timeout};
inline constexpr argument listener[] = {process, timeout};
inline constexpr argument change_listener[] = {
    process, {"change", type::text, true, "", listener_changes}, timeout};
inline constexpr argument cron[] = {
    {"for_ms", type::number, false, "tells what comes in this time, in place of the jobs"}};
inline constexpr argument change_job[] = {{"name", type::text, true, "of the job"},
                                          {"change", type::text, true, "", job_changes}};
inline constexpr argument publish[] = {
    {"name", type::text, true, "of the event"}, {"change", type::text, true, "", event_changes}, term};
inline constexpr argument top[] = {
    {"sort", type::text, false, "the largest first", figures},
    {"count", type::number, false, "most processes, 1 to 1000", {}, 20, most_in_top, 1},
    {"over_ms", type::number, false, "measures rates over this time, 60000 at most", {}, 0, longest_look_ms}};
inline constexpr argument logs[] = {
    {"level", type::text, false, "the lowest level", levels},
    {"module", type::text, false, "lines of this module alone"},
    {"process", type::text, false, "lines of this process alone"},
    {"last", type::number, false, "so many lines, the newest"},
    {"after", type::number, false, "lines from this number on, in place of the newest"},
    {"wait", type::flag, false, "with after: waits for a line"}};
inline constexpr argument log_level[] = {
    {"level", type::text, true, "default: what is configured", new_levels},
    {"of", type::text, false, "a module or a process; without it all"},
    {"for_ms", type::number, false, "for this time; without it until it is set again"}};
inline constexpr argument reload[] = {
    {"plugin", type::text, false, "its id; without it each plugin whose file has changed"},
    {"dry_run", type::flag, false, "tells what would happen"},
    {"carry_only", type::flag, false, "fails, and changes nothing, where an actor would be restarted"},
    timeout};
inline constexpr argument wait_ready[] = {timeout};
inline constexpr argument application[] = {{"application", type::text, true, "its name"}, timeout};
inline constexpr argument child[] = {{"path", type::text, true, "APPLICATION/SUPERVISOR/CHILD"}, timeout};
inline constexpr argument drain[] = {{"change", type::text, true, "", drain_changes}, timeout};
inline constexpr argument apply[] = {{"dry_run", type::flag, false, "tells what would happen"},
                                     {"back", type::flag, false, "to the configuration that ran before"}};

} // namespace coppice::control::arguments
