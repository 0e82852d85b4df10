// SPDX-License-Identifier: MIT
// Judges from a node's snapshots whether it lives and whether it is ready, for a load balancer, Kubernetes
// or a service manager that probes it. Pure functions of copies; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::control {

// A node does not live if a worker is held for longer than this and no other thread takes it over.
constexpr base::nanos stuck_after = 10 * base::nanos_per_second;

// A thread that is held for longer than this, though another thread has its worker, is a warning.
constexpr base::nanos thread_stuck_after = base::nanos_per_second;

// A thing that is not as it should be.
struct complaint {
  std::string what; // node, application, child, worker; for a warning: one of warning_kinds
  std::string name;
  std::string why;
  std::string help; // what an operator can do about it, with the command
};

// The complaints about workers. Empty: all make progress.
std::vector<complaint> lives(const node::node_status& status);

// Empty: the node runs, its applications have started and are up (except those that ended as they should),
// and no child is given up. `given_up`: the paths of the children that are.
std::vector<complaint> ready(const node::node_status& status, const std::vector<std::string>& given_up);

// The complaints of lives() and ready().
std::vector<complaint> all_complaints(const node::node_status& status,
                                      const std::vector<std::string>& given_up);

// Things that an operator should look at, though the node serves: the tree is not what was applied,
// something was switched off by hand, a node of distribution.peers is away, the files differ from the
// configuration that runs, descriptors run out, a certificate ends, the data or a file of the log cannot be
// written, a handler of the log does not take its lines, the durable log has failed, is full or damaged, a
// Raft group has no leader, applies nothing, has a slow disk or a command that crashes, a saga's step waits
// for a coordinator or an operator, a job may run on other nodes too, a run of a job does not end, a job
// does not settle on a node, a thread is stuck.
std::vector<complaint> warnings(const node::node_status& status);
// The kinds of warnings, in the order of the page of metrics.
inline constexpr std::array<std::string_view, 15> warning_kinds{
    "certificate", "child",       "configuration", "data", "descriptors", "durable_log", "job", "listener",
    "log",         "log_handler", "peer",          "raft", "saga",        "thread",      "tree"};

// Whether the reason of an application that failed is shown whole, or by its shape.
enum class shown_reason : std::uint8_t { whole, shape };

// Why a node has not started: "starting: application a" and, joined by commas, the applications that failed
// already; "not ready: application b failed: REASON"; "stopping". Empty: every application has started,
// whatever has become of it since.
std::string not_started(const node::node_status& status, shown_reason how = shown_reason::whole);

// {"status": "ok" | "unavailable", "state": …, "complaints": [{"what", "name", "why", "help"}], "warnings":
// …}. Warnings have the form of complaints, and make nothing unavailable.
nlohmann::json health_document(const node::node_status& status, const std::vector<complaint>& complaints);

// The changes that operators have made beside the configuration, and how to take them back, as a list of
// what, name, why and help: listeners suspended, children terminated, jobs disabled, peers disconnected,
// levels of the log, and differences of the tree from what was applied.
nlohmann::json changed_by_hand(const node::node_status& status);

} // namespace coppice::control
