// SPDX-License-Identifier: MIT
// Whether a node lives and whether it is ready, judged from its snapshots, for whoever probes it: a load
// balancer, Kubernetes, a service manager. Pure functions of copies; any thread.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "node/shown/snapshot.hpp"

namespace coppice::control {

// A worker held for longer than this, with nobody to take it over, makes the node one that does not live.
constexpr base::nanos stuck_after = 10 * base::nanos_per_second;

// A thread that is held for longer than this, though another has its worker, is a warning.
constexpr base::nanos thread_stuck_after = base::nanos_per_second;

// What is not as it should be.
struct complaint {
  std::string what; // node, application, child, worker; of a warning one of warning_kinds
  std::string name;
  std::string why;
  std::string help; // what an operator can do about it, with the command
};

// All workers make progress, if there is none.
std::vector<complaint> lives(const node::node_status& status);

// The node runs, its applications have started and are up (but for those that ended as they should), and no
// child is given up, if there is none. `given_up`: the paths of those that are.
std::vector<complaint> ready(const node::node_status& status, const std::vector<std::string>& given_up);

// What lives() and ready() say.
std::vector<complaint> all_complaints(const node::node_status& status,
                                      const std::vector<std::string>& given_up);

// What an operator ought to look at, though the node serves: the tree is not what was applied, something was
// switched off by hand, a node of distribution.peers is away, the files say something else than runs,
// descriptors run out, a certificate ends, the data or a file of the log cannot be written, nobody takes the
// lines of a handler of the log, the durable log has failed, is full or damaged, a Raft group has no leader,
// applies nothing, has a slow disk or a command that crashes, a saga's step waits for a coordinator or an
// operator, a job may run on other nodes too, a run of a job does not end, a job does not settle on a node, a
// thread is stuck.
std::vector<complaint> warnings(const node::node_status& status);
// What warnings can be about, in the order of the page of metrics.
inline constexpr std::array<std::string_view, 15> warning_kinds{
    "certificate", "child",       "configuration", "data", "descriptors", "durable_log", "job", "listener",
    "log",         "log_handler", "peer",          "raft", "saga",        "thread",      "tree"};

// What keeps a node from having started: "starting: application a" and, joined by commas, those that failed
// already; "not ready: application b failed: REASON"; "stopping". Empty: every application has started,
// whatever has become of it since.
std::string not_started(const node::node_status& status);

// {"status": "ok" | "unavailable", "state": …, "complaints": [{"what", "name", "why", "help"}], "warnings":
// …}, where warnings are as complaints are, and make nothing unavailable.
nlohmann::json health_document(const node::node_status& status, const std::vector<complaint>& complaints);

// What operators have changed beside the configuration, and what takes it back, as a list of what, name, why
// and help: listeners suspended, children terminated, jobs disabled, peers disconnected, levels of the log,
// and what differs in the tree from what was applied.
nlohmann::json changed_by_hand(const node::node_status& status);

} // namespace coppice::control
